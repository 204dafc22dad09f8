import { AppError } from "../../base/errors.ts";
import type { AuthActionOptions, AuthActions, AuthStatus } from "../auth_actions.ts";
import { type AccountOptions, findAccount, findPlace, type Place } from "./account.ts";
import { ApiClient, type ApiClientDependencies } from "./api_client.ts";
import { removeToken, tokenPath, validateToken, writeToken } from "./token_file.ts";
import { openTrustedFetch } from "./trusted_fetch.ts";
import { parsePage } from "./wire.ts";

/** What the actions need from outside. */
export interface ValohaiAuthOptions extends AccountOptions, ApiClientDependencies {
  /** The token that somebody pastes, never from the command line; `page` is where they make one. */
  readToken(page: string, options: AuthActionOptions): Promise<string>;
}

/**
 * `porthole auth` for Valohai, whose log-in is a token that its web page makes.
 *
 * It is kept in `$PORTHOLE_HOME/tokens/valohai-<host>.json`, 0600.
 */
export function openValohaiAuth(options: ValohaiAuthOptions): AuthActions {
  return {
    apiKeys: undefined,
    login: (action) => login(options, action),
    status: () => status(options),
    logout: async () => await removeToken(options.env, (await findPlace(options)).host),
    [Symbol.dispose]: () => {},
  };
}

/** Stores a token once Valohai has accepted it. @throws AppError `usage`, `auth_denied`: nothing is stored then. */
async function login(options: ValohaiAuthOptions, { signal }: AuthActionOptions): Promise<AuthStatus> {
  const place = await findPlace(options);
  const { host } = place;
  const tokenSource = "the paste";
  const token = validateToken(await options.readToken(`${host.origin}/auth/tokens/`, { signal }), tokenSource);
  using trusted = await openTrustedFetch(options.env);
  const client = new ApiClient({ host, token, tokenSource }, { fetch: trusted.fetch, ...options });
  // The cheapest call that a token is needed for.
  parsePage(
    await client.get("/api/v0/projects/", { purpose: `log in to Valohai at ${host.host}`, signal }),
    "projects",
  );
  const path = await writeToken(options.env, { host, token });
  return { ...describe(place, true), path };
}

async function status(options: ValohaiAuthOptions): Promise<AuthStatus> {
  const place = await findPlace(options);
  try {
    const { tokenSource } = await findAccount(options);
    if (tokenSource === "VALOHAI_TOKEN") return { ...describe(place, true), method: "token of VALOHAI_TOKEN" };
    const path = tokenSource === "porthole auth login" ? tokenPath(options.env, place.host) : tokenSource;
    return { ...describe(place, true), path };
  } catch (error) {
    if (error instanceof AppError && error.code === "auth_denied") return describe(place, false);
    throw error;
  }
}

function describe({ host, hostConfig }: Place, isLoggedIn: boolean): AuthStatus {
  return {
    provider: "valohai",
    host: host.origin,
    method: "token",
    isLoggedIn,
    ...(hostConfig === undefined ? {} : { config: hostConfig.path }),
  };
}
