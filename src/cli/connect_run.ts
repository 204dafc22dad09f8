import { AppError } from "../base/errors.ts";
import { escapeControls } from "../base/printable.ts";
import { redactUrl } from "../base/redact.ts";
import { parseWebSocketUrl } from "../stream/websocket_url.ts";
import { ensureKeypair } from "../ssh/keys/ensure_keypair.ts";
import { parsePrivateKeyFile } from "../ssh/keys/private_key.ts";
import { portholeKeyPath } from "../ssh/keys/key_places.ts";
import { credentialSource } from "../providers/credential_source.ts";
import { type ConnectOptions, type ConnectResult, connectTarget } from "../targets/connect.ts";
import { keptHostKeys } from "../targets/known_hosts.ts";
import { renderTargetBlock } from "../targets/ssh_block.ts";
import type { ResolveState } from "../targets/resolve_state.ts";
import { openChosenProvider, type PlaceValues } from "./choose_provider.ts";
import type { CommandContext } from "./command.ts";
import { namedFile } from "./named_file.ts";
import { runReference } from "./run_reference.ts";
import type { TargetRecord } from "../targets/target.ts";
import { warmTarget } from "./warm_target.ts";

/** What the commands that connect have on their command lines. */
export interface ConnectRunInput {
  readonly flags: PlaceValues & {
    readonly user: string | undefined;
    readonly "identity-file": string | undefined;
    readonly name: string | undefined;
    readonly "headers-file": string | undefined;
    readonly "ca-file": string | undefined;
    readonly timeout: number;
    readonly "poll-interval": number;
  };
  readonly positionals: readonly string[];
}

/** Connects the run that a command line names, with progress on the terminal. @throws as `connectTarget`. */
export async function connectRun(
  { flags, positionals }: ConnectRunInput,
  context: CommandContext,
): Promise<ConnectResult> {
  const { env, signal } = context;
  using how = positionals[0]?.includes("://")
    ? routeByUrl(positionals, flags.name)
    : await routeByProvider({ flags, positionals }, context);
  const result = await connectTarget({
    ...how,
    env,
    alias: flags.name,
    user: flags.user,
    identityFile: await namedFile(flags["identity-file"], "--identity-file"),
    defaultIdentityFile: async () => (await ensureKeypair({ path: portholeKeyPath(env), signal })).privateKeyPath,
    headersFile: await namedFile(flags["headers-file"], "--headers-file"),
    caFile: await namedFile(flags["ca-file"], "--ca-file"),
    timeoutMs: flags.timeout,
    pollIntervalMs: flags["poll-interval"],
    signal,
    credentialSource: (credential) => credentialSource(credential, env),
    // In a log, a state is told once; on a terminal the time runs.
    onProgress: (line, state) => context.progress(context.stderrIsTerminal ? line : state),
  });
  const doubt = await how.keyDoubt?.(result.record.identityFile);
  if (doubt !== undefined) context.notice(escapeControls(doubt));
  await checkLogin(result.record, { how, context });
  const { hostKeyAlias, hostKeyCheck } = result.record;
  return hostKeyCheck === "yes" ? result : { ...result, hostKeys: await keptHostKeys(env, hostKeyAlias) };
}

/**
 * Logs in once where a foreign SSH server was reached: it pins the host key, and a key that is not let in shows now and
 * not in an editor. The agent's own routes need neither.
 */
async function checkLogin(
  record: TargetRecord,
  { how, context }: { how: How; context: CommandContext },
): Promise<void> {
  const { alias, route, identityFile } = record;
  // With a passphrase, only somebody at a terminal can log in.
  if (route.kind !== "tcp" || await needsPassphrase(identityFile)) return;
  const { env, self, signal } = context;
  try {
    await warmTarget({
      alias,
      block: renderTargetBlock(record, { self, env, multiplex: false }),
      timeoutMs: LOGIN_TIMEOUT_MS,
      signal,
      onProgress: (line) => context.progress(line),
    });
  } catch (error) {
    throw error instanceof AppError && how.explain ? await how.explain(error, identityFile) : error;
  }
}

async function needsPassphrase(path: string): Promise<boolean> {
  try {
    return (await parsePrivateKeyFile(await Deno.readTextFile(path))).isEncrypted;
  } catch (error) {
    // A format that we do not read, or a key in an agent alone: ssh itself will say what is wrong with it.
    if (error instanceof AppError || error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The SSH server answered a moment ago: what takes longer than this to log in hangs. */
const LOGIN_TIMEOUT_MS = 30_000;

type How = Pick<ConnectOptions, "provider" | "runName" | "resolve"> & Disposable & {
  /** See `Provider.explain`; told the key that was offered, if it came to that. */
  readonly explain?: (error: AppError, offeredIdentityFile?: string) => Promise<AppError>;
  /** See `Provider.keyDoubt`. */
  readonly keyDoubt?: (identityFile: string) => Promise<string | undefined>;
};

function routeByUrl([url = "", action]: readonly string[], name: string | undefined): How {
  if (action !== undefined) throw new AppError("usage", `Cannot use ${JSON.stringify(action)} behind a URL`);
  const runName = name ?? nameFromUrl(parseWebSocketUrl(url));
  async function* resolve(): AsyncGenerator<ResolveState> {
    const route = { kind: "websocket", url } as const;
    yield { kind: "ready", resolved: { route, runName, actionName: "a0", attempt: 0 } };
  }
  return { provider: "url", runName, resolve, [Symbol.dispose]() {} };
}

function nameFromUrl({ href, hostname }: URL): string {
  const host = hostname.split(".")[0] ?? "";
  if (/^[A-Za-z][A-Za-z0-9-]*$/.test(host)) return host;
  throw new AppError("usage", `Cannot make an alias of ${JSON.stringify(redactUrl(href))}`, {
    hint: "Say what ssh is to call it: --name ALIAS",
  });
}

async function routeByProvider({ flags, positionals }: ConnectRunInput, context: CommandContext): Promise<How> {
  const run = runReference(positionals);
  const { name, provider } = await openChosenProvider(context, flags, run.runName);
  return {
    [Symbol.dispose]: () => provider[Symbol.dispose](),
    provider: name,
    runName: run.runName,
    resolve: (signal) => provider.resolve(run, { signal, pollIntervalMs: flags["poll-interval"] }),
    keyDoubt: async (identityFile) => await provider.keyDoubt?.(run, { identityFile, signal: context.signal }),
    explain: async (error, offeredIdentityFile) => {
      const offered = offeredIdentityFile === undefined ? {} : { offeredIdentityFile };
      return await provider.explain?.(error, { ...run, ...offered, signal: context.signal }) ?? error;
    },
  };
}
