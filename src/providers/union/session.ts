import { sleep as realSleep } from "../../base/abort.ts";
import { AppError } from "../../base/errors.ts";
import type { Environment } from "../../base/home.ts";
import { createTokenMint, type Interaction } from "./auth/mint.ts";
import { createRequestAuth } from "./auth/request_auth.ts";
import { createTokenSource, type TokenSource } from "./auth/token_source.ts";
import { openTokenStore, tokenKey, type TokenStore } from "./auth/token_store.ts";
import { readStoredApiKey } from "./api_key_store.ts";
import { type AuthConfig, type LoadConfigOptions, loadUnionConfig, type UnionConfig } from "./config.ts";
import { createRpcClient, type RequestAuth, type RpcClient } from "./connect_rpc.ts";
import { endpointHost } from "./endpoint.ts";
import { createHttp, type Http } from "./http.ts";

/** Options of {@link openSession}. */
export interface SessionOptions extends LoadConfigOptions {
  /** Absent where nobody can be asked: a log-in that needs a person is then an error. */
  readonly interaction?: Interaction | undefined;
  /** True to log in anew, or renew, whatever token is stored. */
  readonly refreshToken?: boolean;
  /** The stored API key to act with, in place of the configuration's log-in. */
  readonly apiKeyName?: string | undefined;
  readonly now?: () => number;
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** One deployment, and one identity that it is spoken to with. */
export interface UnionSession extends Disposable {
  readonly config: UnionConfig;
  readonly env: Environment;
  readonly http: Http;
  readonly rpc: RpcClient;
  /** Undefined for a deployment without authentication. */
  readonly auth: RequestAuth | undefined;
  /** What to do about a refused credential, where that is not to log in. */
  readonly remedy: string | undefined;
  /** Undefined where no token is involved (none, or headers that are the user's own). */
  readonly tokens: { readonly key: string; readonly store: TokenStore; readonly source: TokenSource } | undefined;
  /** A client for another endpoint of the same deployment: a cluster's data plane. */
  rpcFor(endpoint: string): RpcClient;
}

// A person has to find the browser window; a proxy that waits for that person gives up before ssh does.
const ATTENDED_LOCK_MS = 6 * 60_000;
const UNATTENDED_LOCK_MS = 12_000;

/** Reads the configuration and prepares to speak to the deployment; nothing is sent yet. */
export async function openSession(options: SessionOptions): Promise<UnionSession> {
  const { env, apiKeyName, now = Date.now, sleep = realSleep } = options;
  const loaded = await loadUnionConfig(options);
  const config = apiKeyName === undefined ? loaded : await withApiKey(loaded, { env, name: apiKeyName });
  const http = await createHttp({ ...config, env });
  const tokens = openTokens(config, { ...options, http, now, sleep });
  const auth = createRequestAuth(config, { tokens: tokens?.source, now });
  const remedy = remedyOf(config.auth);
  const rpcFor = (endpoint: string) => createRpcClient({ endpoint, http, auth, remedy, sleep });
  return {
    config,
    env,
    http,
    auth,
    remedy,
    tokens,
    rpcFor,
    rpc: rpcFor(config.endpoint),
    [Symbol.dispose]: () => http[Symbol.dispose](),
  };
}

/** What to do about a refused credential of a kind that nobody logs in with. */
function remedyOf(auth: AuthConfig): string | undefined {
  switch (auth.kind) {
    case "none":
      return "insecure: true in the configuration means no log-in at all: leave it out where one is wanted";
    case "passthrough":
      return `Renew the headers in ${auth.headersFile}`;
    case "command":
      return "Run the command of the configuration by hand: it must print a token that is good now";
    default:
      return undefined;
  }
}

/** The name under which the token of this identity is stored. */
export function tokenKeyOf({ endpoint, auth }: UnionConfig): string {
  const identity = auth.kind === "client_secret" ? auth.clientId : auth.kind === "command" ? "command" : "";
  return tokenKey(endpointHost(endpoint), identity);
}

async function withApiKey(
  config: UnionConfig,
  { env, name }: { env: Environment; name: string },
): Promise<UnionConfig> {
  const stored = await readStoredApiKey({ env, host: endpointHost(config.endpoint), name });
  if (!stored) {
    throw new AppError("not_found", `Cannot find the API key ${JSON.stringify(name)} on this machine`, {
      hint: `porthole auth api-key ensure ${name}`,
    });
  }
  const { clientId, clientSecret } = stored;
  return {
    ...config,
    auth: { kind: "client_secret", clientId, scopes: [], readSecret: () => Promise.resolve(clientSecret) },
  };
}

function openTokens(
  config: UnionConfig,
  { env, interaction, refreshToken = false, http, now, sleep }: SessionOptions & {
    readonly http: Http;
    readonly now: () => number;
    readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  },
): UnionSession["tokens"] {
  if (config.auth.kind === "none" || config.auth.kind === "passthrough") return undefined;
  const key = tokenKeyOf(config);
  const store = openTokenStore(env, key);
  const mint = createTokenMint(config, { http, now, sleep, env, interaction });
  const source = createTokenSource({
    store,
    mint,
    now,
    ignoreStored: refreshToken,
    lockTimeoutMs: interaction ? ATTENDED_LOCK_MS : UNATTENDED_LOCK_MS,
    onWait: () =>
      interaction?.notice(
        `Another porthole is logging in to ${endpointHost(config.endpoint)}: waiting until it is done`,
      ),
  });
  return { key, store, source };
}
