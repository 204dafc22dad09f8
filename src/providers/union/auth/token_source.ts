import { formatDuration } from "../../../base/duration.ts";
import { AppError } from "../../../base/errors.ts";
import { isFresh, type Token } from "./token.ts";
import type { StoredToken, TokenStore } from "./token_store.ts";

/** How new tokens are made. */
export interface TokenMint {
  /** A token from nothing; may ask a person. @throws AppError `auth_denied` when it would have to ask and may not. */
  login(options: { signal?: AbortSignal | undefined }): Promise<Token>;
  /** A token from a refresh token; null when the server turned that down. */
  refresh(refreshToken: string, options: { signal?: AbortSignal | undefined }): Promise<Token | null>;
  /** The headers that a token goes into. */
  headerNames(options: { signal?: AbortSignal | undefined }): Promise<readonly string[]>;
}

/** Gives a token that is good now. */
export interface TokenSource {
  /** `refused`: the token that a server has just turned down; another one is given. */
  get(options: { signal?: AbortSignal | undefined; refused?: string | undefined }): Promise<StoredToken>;
  /** A token from nothing, whatever is stored; that is kept if the log-in fails. */
  login(options: { signal?: AbortSignal | undefined }): Promise<StoredToken>;
}

/** Options of {@link createTokenSource}. */
export interface TokenSourceOptions {
  readonly store: TokenStore;
  readonly mint: TokenMint;
  readonly now: () => number;
  /** True to make a new token first, whatever is stored. */
  readonly ignoreStored?: boolean;
  /** How long to wait for another process that is making one: a person may have to log in there. */
  readonly lockTimeoutMs: number;
  /** Called once when that wait begins to be long. */
  readonly onWait?: (() => void) | undefined;
}

/**
 * Tokens out of the store while they are fresh, else renewed by one process while the others wait for what it stores.
 */
export function createTokenSource(
  { store, mint, now, ignoreStored = false, lockTimeoutMs, onWait = () => {} }: TokenSourceOptions,
): TokenSource {
  let mustRenew = ignoreStored;
  const lock = (signal: AbortSignal | undefined) => lockStore(store, { signal, timeoutMs: lockTimeoutMs, onWait });
  return {
    async get({ signal, refused }) {
      const askedAt = now();
      const stored = mustRenew ? null : await store.read();
      if (stored && isUsable(stored, { now: askedAt, refused })) return stored;
      using _lock = await lock(signal);
      const latest = await store.read();
      // Somebody else may have renewed it while this process waited for the lock.
      const isNewEnough = !mustRenew || (latest?.obtainedAt ?? 0) >= askedAt;
      if (latest && isNewEnough && isUsable(latest, { now: now(), refused })) return latest;
      const renewed = await renew({ store, mint, latest, signal });
      mustRenew = false;
      return renewed;
    },
    async login({ signal }) {
      using _lock = await lock(signal);
      return await keep(await mint.login({ signal }), { store, mint, signal });
    },
  };
}

function isUsable(token: StoredToken, { now, refused }: { now: number; refused: string | undefined }): boolean {
  return token.accessToken !== refused && isFresh(token, now);
}

const TELL_AFTER_MS = 1500;

async function lockStore(
  store: TokenStore,
  { signal, timeoutMs, onWait }: { signal: AbortSignal | undefined; timeoutMs: number; onWait: () => void },
): Promise<Disposable> {
  const late = AbortSignal.timeout(TELL_AFTER_MS);
  late.addEventListener("abort", onWait);
  try {
    return await store.lock({ signal, timeoutMs });
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof AppError) || error.code !== "timeout") throw error;
    throw new AppError(
      "timeout",
      `Another porthole is logging in and was not done within ${formatDuration(timeoutMs)}`,
      {
        hint: "Finish that log-in, or end it, and try again",
        cause: error,
      },
    );
  } finally {
    late.removeEventListener("abort", onWait);
  }
}

interface Renewing {
  readonly store: TokenStore;
  readonly mint: TokenMint;
  readonly signal: AbortSignal | undefined;
}

async function renew({ latest, ...renewing }: Renewing & { latest: StoredToken | null }): Promise<StoredToken> {
  const { store, mint, signal } = renewing;
  let token: Token | null = null;
  if (latest?.refreshToken) {
    token = await mint.refresh(latest.refreshToken, { signal });
    // An identity provider that does not rotate refresh tokens leaves them out of its answer (RFC 6749 6).
    if (token && !token.refreshToken) token = { ...token, refreshToken: latest.refreshToken };
    if (!token) await store.remove();
  }
  return await keep(token ?? await mint.login({ signal }), renewing);
}

async function keep(token: Token, { store, mint, signal }: Renewing): Promise<StoredToken> {
  const stored = { ...token, headerNames: await mint.headerNames({ signal }) };
  await store.write(stored);
  return stored;
}
