import type { AccountOptions } from "./account.ts";
import { findAccount, findPlace } from "./account.ts";
import { ApiClient, type ApiClientDependencies } from "./api_client.ts";
import { removeToken, tokenPath, validateToken, writeToken } from "./token_file.ts";
import { parsePage } from "./wire.ts";

/** What the functions here need from outside. */
export interface ValohaiAuthOptions extends AccountOptions, ApiClientDependencies {
  readonly signal?: AbortSignal | undefined;
}

/** A log-in as `porthole auth status` shows it; no secret. */
export interface ValohaiAuthStatus {
  readonly provider: "valohai";
  /** The origin: `https://app.valohai.com`. */
  readonly host: string;
  /** Where the token is found: `VALOHAI_TOKEN`, `porthole auth login`, a path. */
  readonly source: string;
}

/** Where a log-in for `options` would go, and the page on which its user makes a token for it. */
export async function tokenPage(options: ValohaiAuthOptions): Promise<{ host: string; page: string }> {
  const { host } = await findPlace(options);
  return { host: host.origin, page: `${host.origin}/auth/tokens/` };
}

/**
 * Stores `token`, once Valohai has accepted it: `$PORTHOLE_HOME/tokens/valohai-<host>.json`, 0600.
 *
 * @throws AppError `usage` for what can be no token; `auth_denied` for one that is refused; nothing is stored then.
 */
export async function login(token: string, options: ValohaiAuthOptions): Promise<ValohaiAuthStatus & { path: string }> {
  const { host } = await findPlace(options);
  const valid = validateToken(token, "the paste");
  await check({ host, token: valid, tokenSource: "the paste" }, options);
  const path = await writeToken(options.env, { host, token: valid });
  return { provider: "valohai", host: host.origin, source: "porthole auth login", path };
}

/** Which log-in would be used, once Valohai has accepted it. @throws AppError `auth_denied` without one, or a refused one. */
export async function status(options: ValohaiAuthOptions): Promise<ValohaiAuthStatus> {
  const account = await findAccount(options);
  await check(account, options);
  return { provider: "valohai", host: account.host.origin, source: account.tokenSource };
}

/** Forgets the stored token; the token itself stays valid until its page revokes it. `path` is where it was. */
export async function logout(
  options: ValohaiAuthOptions,
): Promise<{ host: string; wasLoggedIn: boolean; path: string }> {
  const { host } = await findPlace(options);
  const path = tokenPath(options.env, host);
  return { host: host.origin, wasLoggedIn: await removeToken(options.env, host), path };
}

/** The cheapest call that a token is needed for. */
async function check(
  account: { readonly host: URL; readonly token: string; readonly tokenSource: string },
  options: ValohaiAuthOptions,
): Promise<void> {
  const client = new ApiClient(account, options);
  const purpose = `log in to Valohai at ${account.host.host}`;
  parsePage(await client.get("/api/v0/projects/", { purpose, signal: options.signal }), "projects");
}
