import { AppError } from "../base/errors.ts";
import type { Environment } from "../base/home.ts";
import { ensureKeypair } from "../ssh/keys/ensure_keypair.ts";
import { portholeKeyPath, unionKeyPath } from "../ssh/keys/key_places.ts";
import { LocalProvider } from "./local/local_provider.ts";
import type { Provider } from "./provider.ts";

/** The places where jobs run. */
export const PROVIDER_NAMES = ["local", "union", "valohai"] as const;

/** One of {@link PROVIDER_NAMES}. */
export type ProviderName = (typeof PROVIDER_NAMES)[number];

/** What a provider may use of the process that opens it. */
export interface ProviderContext {
  readonly env: Environment;
  /** The words with which this program runs itself. */
  readonly self: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /** Where a person can be asked to log in: one line for them. Absent: nobody is asked. */
  readonly notice?: ((line: string) => void) | undefined;
  /** True where those lines are not shown. */
  readonly isJson?: boolean;
}

/** What says more exactly which account and place are meant. Each provider takes what concerns it. */
export interface ProviderSettings {
  /** The platform's configuration file. */
  readonly config?: string | undefined;
  readonly project?: string | undefined;
  readonly domain?: string | undefined;
  readonly host?: string | undefined;
  readonly useApiKey?: boolean | undefined;
  readonly refreshToken?: boolean | undefined;
}

/** The provider called `name`; only its own code is loaded. Dispose it. */
export async function openProvider(
  name: ProviderName,
  context: ProviderContext,
  settings: ProviderSettings = {},
): Promise<Provider> {
  switch (name) {
    case "local":
      return openLocalProvider(context);
    case "union":
      return await openUnion(context, settings);
    case "valohai": {
      const { ValohaiProvider } = await import("./valohai/valohai_provider.ts");
      return new ValohaiProvider({ ...settings, env: context.env, cwd: Deno.cwd() });
    }
  }
}

/** Jobs on this machine, with the user's own key pair. */
export function openLocalProvider({ env, self, signal }: ProviderContext): LocalProvider {
  return new LocalProvider({ env, self, keypair: () => ensureKeypair({ path: portholeKeyPath(env), signal }) });
}

async function openUnion(
  { env, signal, notice, isJson }: ProviderContext,
  settings: ProviderSettings,
): Promise<Provider> {
  const { openUnionProvider } = await import("./union/provider.ts");
  return await openUnionProvider({
    env,
    cwd: Deno.cwd(),
    configFile: settings.config,
    project: settings.project,
    domain: settings.domain,
    ...(settings.useApiKey === undefined ? {} : { useApiKey: settings.useApiKey }),
    ...(settings.refreshToken === undefined ? {} : { refreshToken: settings.refreshToken }),
    interaction: notice && { notice, isSilent: isJson, device: false, browser: true },
    keypair: () => ensureKeypair({ path: unionKeyPath(env), signal }),
  });
}

/**
 * Which provider is meant: `on` if it is given, PORTHOLE_PROVIDER, the one that takes what `settings` says, the local one
 * if it has a run called `runName`, else the platform that this user has configured. Where both are, the name decides: Valohai's runs are numbers or `latest`,
 * and no others are.
 *
 * @throws AppError `config_invalid` for a PORTHOLE_PROVIDER that is none; `not_found` where nobody could know the run.
 */
export async function chooseProvider(
  context: ProviderContext,
  { on, runName, settings = {} }: {
    on?: string | undefined;
    runName?: string | undefined;
    settings?: ProviderSettings;
  },
): Promise<ProviderName> {
  const named = on ?? context.env.PORTHOLE_PROVIDER;
  if (named) return checkName(named);
  const implied = impliedProvider(settings);
  if (implied) return implied;
  if (runName === undefined || await hasLocalRun(context, runName)) return "local";
  const platforms = await configuredPlatforms(context.env);
  const isCounter = /^(?:#?\d+|latest)$/.test(runName);
  if (isCounter && platforms.includes("valohai")) return "valohai";
  if (platforms.includes("union")) return "union";
  throw noSuchRun(runName, platforms);
}

/** The one provider that has a use for what was given. */
function impliedProvider(
  { config, domain, useApiKey, refreshToken, host }: ProviderSettings,
): ProviderName | undefined {
  if (config !== undefined || domain !== undefined || useApiKey || refreshToken) return "union";
  return host === undefined ? undefined : "valohai";
}

/** The platforms that this user's environment, log-ins and files say anything about. */
export async function configuredPlatforms(env: Environment): Promise<readonly Exclude<ProviderName, "local">[]> {
  const [{ isUnionConfigured }, { isValohaiConfigured }] = await Promise.all([
    import("./union/is_configured.ts"),
    import("./valohai/is_configured.ts"),
  ]);
  const [isUnion, isValohai] = await Promise.all([
    isUnionConfigured(env, Deno.cwd()),
    isValohaiConfigured(env, Deno.cwd()),
  ]);
  return [...(isUnion ? ["union" as const] : []), ...(isValohai ? ["valohai" as const] : [])];
}

async function hasLocalRun(context: ProviderContext, runName: string): Promise<boolean> {
  // `#12` could not be the name of a run here.
  return /^[A-Za-z0-9_]/.test(runName) && await openLocalProvider(context).has(runName);
}

function noSuchRun(runName: string, platforms: readonly string[]): AppError {
  const quoted = JSON.stringify(runName);
  if (platforms.length > 0) {
    return new AppError(
      "not_found",
      `Cannot find the run ${quoted}: no job of this machine is called that, and Valohai's runs are numbers`,
      { hint: "porthole list shows the jobs here, porthole list --on valohai those there" },
    );
  }
  return new AppError(
    "not_found",
    `Cannot find the run ${quoted}: no job of this machine is called that, and no platform is configured`,
    {
      hint: "porthole list shows the jobs here; for a platform, log in first: porthole auth login --on union|valohai",
    },
  );
}

function checkName(name: string): ProviderName {
  const known = PROVIDER_NAMES.find((known) => known === name);
  if (known) return known;
  throw new AppError("config_invalid", `Cannot use the provider ${JSON.stringify(name)}`, {
    hint: `It must be one of ${PROVIDER_NAMES.join(", ")}`,
  });
}
