import { AppError } from "../../base/errors.ts";
import type { Environment } from "../../base/home.ts";
import { bearerHeaders, bearerOf } from "./auth/bearer.ts";
import { isFresh } from "./auth/token.ts";
import { openTokenStore } from "./auth/token_store.ts";
import type { SessionOptions, UnionSession } from "./session.ts";

/** Options of {@link credentialHeaders}. */
export interface CredentialHeadersOptions {
  readonly signal?: AbortSignal | undefined;
  /** What an earlier call gave and the route has refused: other headers are made. */
  readonly refused?: Readonly<Record<string, string>> | undefined;
  readonly now?: () => number;
  /** The folder that relative names of the configuration start from; it is not searched for a configuration. */
  readonly cwd?: string;
}

/**
 * The headers that a dial must carry, for what a target's record names as its `credential`.
 *
 * A stored token that is still good costs one small file; only renewing one loads the rest. Nobody is ever asked: this
 * runs under ssh, which an editor may have started.
 * @throws AppError `auth_denied` with the hint `porthole auth login` when a person would be needed.
 */
export async function credentialHeaders(
  credential: Readonly<Record<string, string>>,
  env: Environment,
  options: CredentialHeadersOptions = {},
): Promise<Readonly<Record<string, string>>> {
  const { signal, refused, now = Date.now } = options;
  signal?.throwIfAborted();
  if (credential.tokenKey && !credential.extra) {
    const stored = await openTokenStore(env, credential.tokenKey).read();
    if (stored && isFresh(stored, now()) && stored.accessToken !== (refused && bearerOf(refused))) {
      return bearerHeaders(stored);
    }
  }
  using session = await reopen(credential, { env, now, cwd: options.cwd ?? Deno.cwd() });
  return await session.auth?.headers({ signal, refused }) ?? {};
}

/** What a target's record keeps to name the credential of `session`: no secret. */
export function credentialOf({ config, tokens }: UnionSession, apiKeyName?: string): Readonly<Record<string, string>> {
  const isSimple = !config.proxyCommand && config.auth.kind !== "passthrough";
  return {
    provider: "union",
    endpoint: config.endpoint,
    ...(tokens ? { tokenKey: tokens.key } : {}),
    ...(config.path === undefined ? {} : { config: config.path }),
    // A file of a project stays one when a dial reads it again: it may have got other lines in the meantime.
    ...(config.isProjectLocal ? { isProjectLocal: "yes" } : {}),
    ...(apiKeyName === undefined ? {} : { apiKey: apiKeyName }),
    ...(isSimple ? {} : { extra: "headers" }),
    // An editor starts ssh without this process's environment.
    ...(config.auth.kind === "passthrough" ? { headersFile: config.auth.headersFile } : {}),
  };
}

async function reopen(
  { endpoint, config, isProjectLocal, apiKey, tokenKey, headersFile }: Readonly<Record<string, string>>,
  { env, ...options }: Pick<SessionOptions, "env" | "now" | "cwd">,
): Promise<UnionSession> {
  // Loaded here alone: the configuration's parser and the log-ins are off the path of a dial with a good token.
  const { openSession } = await import("./session.ts");
  const session = await openSession({
    ...options,
    env: headersFile === undefined ? env : { ...env, PORTHOLE_HEADERS_FILE: headersFile },
    search: false,
    endpoint,
    configFile: config,
    isProjectLocal: isProjectLocal === "yes",
    apiKeyName: apiKey,
  });
  if (session.tokens?.key === tokenKey) return session;
  session[Symbol.dispose]();
  throw new AppError(
    "auth_denied",
    `The credential ${JSON.stringify(tokenKey ?? "")} of this target cannot be renewed here`,
    {
      hint:
        "It was made with other settings (FLYTE_API_KEY, perhaps): run porthole connect again with the same ones, or with --api-key, whose key is kept",
    },
  );
}
