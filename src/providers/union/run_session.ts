import { isFresh } from "./auth/token.ts";
import { storedKeyName } from "./ensure_api_key.ts";
import { openSession, type SessionOptions, type UnionSession } from "./session.ts";

/** A session, and the API key that it acts with if it is one's own log-in that it does without. */
export interface RunSession {
  readonly session: UnionSession;
  readonly apiKeyName?: string;
}

/**
 * The session for work on runs: the person's own; with `useApiKey` that of the stored key, when the person would first
 * have to log in. So a machine without a browser stays connected for as long as the key is known.
 */
export async function openRunSession(
  options: SessionOptions & { readonly useApiKey?: boolean },
): Promise<RunSession> {
  const session = await openSession(options);
  if (!options.useApiKey || options.refreshToken || await actsUnasked(session, options)) return { session };
  const apiKeyName = await storedKeyName(session);
  if (apiKeyName === undefined) return { session };
  session[Symbol.dispose]();
  return { session: await openSession({ ...options, apiKeyName }), apiKeyName };
}

/** True when nobody has to be asked: a token is there or can be renewed, or the log-in is a program's. */
async function actsUnasked({ config, tokens }: UnionSession, { now = Date.now }: SessionOptions): Promise<boolean> {
  if (config.auth.kind !== "pkce" && config.auth.kind !== "device") return true;
  const token = await tokens?.store.read();
  return token?.refreshToken !== undefined || (!!token && isFresh(token, now()));
}
