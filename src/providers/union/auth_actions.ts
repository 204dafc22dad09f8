import { AppError } from "../../base/errors.ts";
import type { ApiKeyActions, AuthActions, AuthStatus } from "../auth_actions.ts";
import { apiKeyPath, readStoredApiKey } from "./api_key_store.ts";
import { isFresh } from "./auth/token.ts";
import type { StoredToken } from "./auth/token_store.ts";
import type { AuthConfig } from "./config.ts";
import { endpointHost } from "./endpoint.ts";
import { DEFAULT_API_KEY_NAME, ensureApiKey, revokeApiKey, storedKeyName } from "./ensure_api_key.ts";
import { openSession, type SessionOptions, type UnionSession } from "./session.ts";

// As the configuration's authType spells them.
const METHODS: Readonly<Record<AuthConfig["kind"], string>> = {
  none: "none",
  pkce: "Pkce",
  device: "DeviceFlow",
  client_secret: "ClientSecret",
  command: "ExternalCommand",
  passthrough: "Passthrough",
};

/** What `porthole auth` does at a Union or Flyte deployment. */
export async function openUnionAuth(options: SessionOptions): Promise<AuthActions> {
  const { now = Date.now } = options;
  const session = await openSession(options);
  return {
    async login({ signal }) {
      const { source } = requireTokens(session);
      return statusOf(session, { token: await source.login({ signal }), now: now() });
    },
    async status() {
      return statusOf(session, { token: await session.tokens?.store.read() ?? null, now: now() });
    },
    async logout() {
      const { store } = requireTokens(session);
      const wasStored = await store.read() !== null;
      await store.remove();
      return wasStored;
    },
    apiKeys: apiKeyActions(session),
    [Symbol.dispose]: () => session[Symbol.dispose](),
  };
}

function apiKeyActions(session: UnionSession): ApiKeyActions {
  const keyName = async () => await storedKeyName(session) ?? DEFAULT_API_KEY_NAME;
  return {
    async ensure(name, { signal }) {
      const { encoded: _secret, ...item } = await ensureApiKey(session, { ...(name ? { name } : {}), signal });
      return item;
    },
    async show(given) {
      const name = given ?? await keyName();
      const place = { env: session.env, host: endpointHost(session.config.endpoint), name };
      const stored = await readStoredApiKey(place);
      if (stored) {
        return { name, clientId: stored.clientId, path: apiKeyPath(place), isNew: false, key: stored.encoded };
      }
      throw new AppError("not_found", `Cannot find the API key ${JSON.stringify(name)} on this machine`, {
        hint: `porthole auth api-key ensure ${name}`,
      });
    },
    async revoke(given, { signal }) {
      const name = given ?? await keyName();
      return { name, revoked: await revokeApiKey(session, { name, signal }) };
    },
  };
}

function requireTokens({ tokens, config }: UnionSession) {
  if (tokens) return tokens;
  const { kind } = config.auth;
  const host = JSON.stringify(endpointHost(config.endpoint));
  const reason = kind === "passthrough"
    ? "its headers are your own affair (authType: Passthrough)"
    : "insecure is true";
  throw new AppError("usage", `There is nothing to log in to at ${host}: ${reason}`, {
    hint: config.path === undefined ? "It is set in the environment" : `It is set in ${config.path}`,
  });
}

function statusOf(
  { config, tokens }: UnionSession,
  { token, now }: { token: StoredToken | null; now: number },
): AuthStatus {
  return {
    provider: "union",
    host: endpointHost(config.endpoint),
    method: METHODS[config.auth.kind],
    isLoggedIn: tokens === undefined || (token !== null && isFresh(token, now)),
    isRenewable: config.auth.kind === "client_secret" || config.auth.kind === "command" ||
      token?.refreshToken !== undefined,
    ...(token?.expiresAt === undefined ? {} : { expiresAt: new Date(token.expiresAt).toISOString() }),
    ...(tokens ? { path: tokens.store.path } : {}),
    ...(config.path === undefined ? {} : { config: config.path }),
  };
}
