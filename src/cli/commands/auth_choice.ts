import type { AuthActions, AuthStatus } from "../../providers/auth_actions.ts";
import { AppError } from "../../base/errors.ts";
import { configuredPlatforms } from "../../providers/open_provider.ts";
import { escapeControls } from "../../base/printable.ts";
import { readSecret } from "../read_secret.ts";
import type { CommandContext, FlagSpecs, FlagValues } from "../command.ts";

/** The platforms that one logs in to. */
const PLATFORMS = ["union", "valohai"] as const;
type Platform = typeof PLATFORMS[number];

/** The flags that say where, of every `auth` command. */
export const AUTH_FLAGS = {
  on: { kind: "string", choices: PLATFORMS, summary: "The platform; else PORTHOLE_PROVIDER, else what is configured" },
  config: { kind: "string", placeholder: "FILE", summary: "Union: the configuration file" },
  host: { kind: "string", placeholder: "URL", summary: "Valohai: the installation (default https://app.valohai.com)" },
} as const satisfies FlagSpecs;

/** The flags that say how a person logs in. */
export const LOGIN_FLAGS = {
  device: { kind: "boolean", default: false, summary: "Log in in a browser on another device, by a code" },
  browser: { kind: "boolean", default: true, summary: "Open the browser; --no-browser only shows the address" },
} as const satisfies FlagSpecs;

type AuthFlags = FlagValues<typeof AUTH_FLAGS> & Partial<FlagValues<typeof LOGIN_FLAGS>>;

/** What the platform that the flags name can do, and its name. Only its own code is loaded. */
export async function openAuth(
  flags: AuthFlags,
  context: CommandContext,
): Promise<{ readonly platform: Platform; readonly auth: AuthActions }> {
  const platform = await choosePlatform(flags, context);
  const auth = platform === "valohai" ? await openValohai(flags, context) : await openUnion(flags, context);
  return { platform, auth };
}

/** One that the flags or the environment name, else the configured one; Union where both are. */
async function choosePlatform({ on, host, config }: AuthFlags, { env }: CommandContext): Promise<Platform> {
  const named = PLATFORMS.find((each) => each === (on ?? env.PORTHOLE_PROVIDER));
  if (named) return named;
  if (host !== undefined || config !== undefined) return host === undefined ? "union" : "valohai";
  const [platform] = await configuredPlatforms(env);
  if (platform) return platform;
  throw new AppError("config_invalid", "Cannot tell where to log in: neither Union, Flyte nor Valohai is configured", {
    hint: "Valohai: porthole auth login --on valohai. Union, Flyte: put admin.endpoint into ~/.flyte/config.yaml, or " +
      "set FLYTE_ADMIN_ENDPOINT; then porthole auth login",
  });
}

async function openUnion(flags: AuthFlags, context: CommandContext): Promise<AuthActions> {
  const { openUnionAuth } = await import("../../providers/union/auth_actions.ts");
  const { device = false, browser = true } = flags;
  return await openUnionAuth({
    env: context.env,
    cwd: Deno.cwd(),
    configFile: flags.config,
    interaction: { notice: context.notice, isSilent: context.isJson, device, browser },
  });
}

async function openValohai(
  { host, config, device }: AuthFlags,
  context: CommandContext,
): Promise<AuthActions> {
  if (config !== undefined || device) {
    throw new AppError("usage", `Cannot use --${device ? "device" : "config"} with valohai: a token is pasted there`, {
      hint: "porthole auth login --on valohai --host URL",
    });
  }
  const { openValohaiAuth } = await import("../../providers/valohai/auth_actions.ts");
  return openValohaiAuth({
    env: context.env,
    cwd: Deno.cwd(),
    host,
    readToken: (page, { signal }) =>
      readSecret({
        isTerminal: context.stdinIsTerminal,
        signal,
        prompt: () => context.notice(`Make a token at ${page} and paste it here (it is not shown), then Enter:`),
      }),
  });
}

/** A status as people read it. */
export function formatStatus(status: AuthStatus): string {
  const { provider, host, method, isLoggedIn, expiresAt, isRenewable, path, config } = status;
  const state = isLoggedIn ? "logged in" : "not logged in";
  const life = expiresAt === undefined ? "" : ` ${isLoggedIn ? "until" : "since"} ${expiresAt}`;
  const lines = [
    `${provider} at ${host}: ${state}${life}${isRenewable ? ", renewed by itself" : ""}`,
    `  method  ${method}`,
    ...(path === undefined ? [] : [`  token   ${path}`]),
    ...(config === undefined ? [] : [`  config  ${config}`]),
  ];
  return `${escapeControls(lines.join("\n"))}\n`;
}
