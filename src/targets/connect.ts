import { AppError } from "../base/errors.ts";
import type { Environment } from "../base/home.ts";
import { recordHostKeys } from "../ssh/known_hosts/record_host_keys.ts";
import type { CredentialSource } from "../stream/dial_route.ts";
import { awaitRoute } from "./await_route.ts";
import { askHostKeys } from "./host_keys.ts";
import { targetKnownHosts } from "./known_hosts.ts";
import { probeRoute } from "./probe_route.ts";
import type { ResolvedRoute, ResolveState } from "./resolve_state.ts";
import type { TargetRecord } from "./target.ts";
import { saveTarget, validateAlias } from "./target_store.ts";

/** Options of {@link connectTarget}. */
export interface ConnectOptions {
  readonly env: Environment;
  readonly provider: string;
  readonly runName: string;
  /** What ssh is to call it; else what the provider suggests, else the run's name. */
  readonly alias?: string | undefined;
  /** The login user; else the one that the provider names, else `root`. */
  readonly user?: string | undefined;
  /** The private key; else the one that the provider names. Absolute, as the files below. */
  readonly identityFile?: string | undefined;
  /** The private key where neither the command line nor the provider names one; made if need be. */
  defaultIdentityFile(): Promise<string>;
  readonly headersFile?: string | undefined;
  readonly caFile?: string | undefined;
  readonly timeoutMs: number;
  readonly pollIntervalMs: number;
  readonly signal?: AbortSignal | undefined;
  /** False to file the route as soon as the platform tells of it, whether or not anything answers behind it yet. */
  readonly waitForRoute?: boolean | undefined;
  resolve(signal: AbortSignal): AsyncIterable<ResolveState>;
  /** Makes fresh headers for each dial of a route that names a credential: see `TargetRecord.credential`. */
  credentialSource?(credential: Readonly<Record<string, string>>): CredentialSource;
  /** What a failure means on the run's platform: see `Provider.explain`. */
  explain?(error: AppError): Promise<AppError>;
  /** See `AwaitRouteOptions.onProgress`. */
  onProgress(line: string, state: string): void;
}

/** What became of {@link connectTarget}. */
export interface ConnectResult {
  readonly record: TargetRecord;
  /** The host keys that are known by now, as public key lines; empty where the far end cannot tell them beforehand. */
  readonly hostKeys: readonly string[];
}

/**
 * Waits until a run can be reached, pins its host keys, and files it as the target `alias`.
 *
 * @throws AppError `timeout` with the last state seen, `run_ended`, `auth_denied`, `redirected`, ...
 */
export async function connectTarget(options: ConnectOptions): Promise<ConnectResult> {
  const { env, signal } = options;
  if (options.alias !== undefined) validateAlias(options.alias);
  if (options.user !== undefined) checkUser(options.user);
  const resolved = withFiles(await reach(options), options);
  const alias = validateAlias(options.alias ?? resolved.alias ?? options.runName);
  const { waitForRoute = true } = options;
  const hostKeys = !waitForRoute
    ? []
    : await askHostKeys(resolved.route, { ...dialOptions(options, resolved), signal });
  const identityFile = options.identityFile ?? resolved.identityFile ?? await options.defaultIdentityFile();
  const record = makeRecord(resolved, { options, alias, identityFile, hasHostKeys: hostKeys.length > 0 });
  if (hostKeys.length > 0) {
    await recordHostKeys(targetKnownHosts(env), { hostKeyAlias: record.hostKeyAlias, keys: hostKeys });
  }
  await saveTarget(env, record);
  return { record, hostKeys };
}

async function reach(options: ConnectOptions): Promise<ResolvedRoute> {
  const { waitForRoute = true } = options;
  try {
    return await awaitRoute({
      ...options,
      probe: async (found, signal) =>
        !waitForRoute ? { isUp: true } : await probeRoute(withFiles(found, options).route, {
          ...dialOptions(options, found),
          signal,
        }),
    });
  } catch (error) {
    throw error instanceof AppError && options.explain ? await options.explain(error) : error;
  }
}

function dialOptions({ env, credentialSource }: ConnectOptions, { credential }: ResolvedRoute) {
  return { env, credential: credential && credentialSource?.(credential) };
}

function withFiles(resolved: ResolvedRoute, { headersFile, caFile }: ConnectOptions): ResolvedRoute {
  if (resolved.route.kind !== "websocket") return resolved;
  const route = {
    ...resolved.route,
    ...(headersFile === undefined ? {} : { headersFile }),
    ...(caFile === undefined ? {} : { caFile }),
  };
  return { ...resolved, route };
}

function makeRecord(
  resolved: ResolvedRoute,
  { options, alias, identityFile, hasHostKeys }: {
    options: ConnectOptions;
    alias: string;
    identityFile: string;
    hasHostKeys: boolean;
  },
): TargetRecord {
  const { runName, actionName, attempt, route, credential } = resolved;
  return {
    version: 1,
    alias,
    provider: options.provider,
    runName,
    actionName,
    attempt,
    route,
    user: checkUser(options.user ?? resolved.user ?? "root"),
    identityFile,
    hostKeyAlias: hostKeyAlias(options.provider, resolved),
    hostKeyCheck: hasHostKeys ? "yes" : "accept-new",
    createdAt: new Date().toISOString(),
    ...(credential === undefined ? {} : { credential }),
  };
}

/** One name per attempt: another attempt is another machine, and its new key is no attack. */
function hostKeyAlias(provider: string, { runName, actionName, attempt, route }: ResolvedRoute): string {
  const place = provider === "url" ? `${runName}-${placeOf(route)}` : `${runName}-${actionName}-${attempt}`;
  return `porthole-${provider}-${place}`.replace(/[^A-Za-z0-9._-]+/g, "-");
}

function placeOf(route: ResolvedRoute["route"]): string {
  return route.kind === "tcp" ? `${route.host}-${route.port}` : new URL(route.url).host;
}

function checkUser(user: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9._@-]*\$?$/.test(user)) return user;
  throw new AppError("usage", `Cannot log in as ${JSON.stringify(user)}: that is not a user name`, {
    hint: "porthole connect RUN --user NAME",
  });
}
