import type { AuthActions, AuthStatus } from "../../providers/auth_actions.ts";
import { escapeControls } from "../../base/printable.ts";
import type { CommandContext, FlagSpecs, FlagValues } from "../command.ts";

/** The platforms that one logs in to. */
const PLATFORMS = ["union"] as const;

/** The flags that say where, of every `auth` command. */
export const AUTH_FLAGS = {
  on: { kind: "string", choices: PLATFORMS, default: "union", summary: "The platform" },
  config: { kind: "string", placeholder: "FILE", summary: "The platform's configuration file" },
} as const satisfies FlagSpecs;

/** The flags that say how a person logs in. */
export const LOGIN_FLAGS = {
  device: { kind: "boolean", default: false, summary: "Log in in a browser on another device, by a code" },
  browser: { kind: "boolean", default: true, summary: "Open the browser; --no-browser only shows the address" },
} as const satisfies FlagSpecs;

/** What the platform that the flags name can do. Only its own code is loaded. */
export async function openAuth(
  flags: FlagValues<typeof AUTH_FLAGS> & Partial<FlagValues<typeof LOGIN_FLAGS>>,
  { env, notice }: CommandContext,
): Promise<AuthActions> {
  const { openUnionAuth } = await import("../../providers/union/auth_actions.ts");
  const { device = false, browser = true } = flags;
  return await openUnionAuth({
    env,
    cwd: Deno.cwd(),
    configFile: flags.config,
    interaction: { notice, device, browser },
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
