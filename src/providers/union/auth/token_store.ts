import { AppError } from "../../../base/errors.ts";
import { lockFile } from "../../../base/file_lock.ts";
import { type Environment, portholeHome } from "../../../base/home.ts";
import { ensurePrivateFolder, readPrivateFile, writeFileAtomic } from "../../../base/private_file.ts";
import type { Token } from "./token.ts";

/** A token and the headers that it goes into. */
export interface StoredToken extends Token {
  /** Lower case; more than one where it is not known which of them the server reads. */
  readonly headerNames: readonly string[];
}

/** Where one token is kept between runs. */
export interface TokenStore {
  readonly path: string;
  /** Null when there is none, or none that can be read as one. @throws AppError `unsafe_file`. */
  read(): Promise<StoredToken | null>;
  write(token: StoredToken): Promise<void>;
  remove(): Promise<void>;
  /** Held while a token is renewed, so that many processes cause one log-in. */
  lock(options: { signal?: AbortSignal | undefined; timeoutMs: number }): Promise<Disposable>;
}

/**
 * The store of the token named `key`: `$PORTHOLE_HOME/tokens/<key>.json`, 0600.
 *
 * The system's keyring is never used, so `disableKeyring` of the configuration changes nothing: many proxies without a
 * desktop must read the token, and one that had to ask for it could not connect.
 */
export function openTokenStore(env: Environment, key: string): TokenStore {
  const folder = `${portholeHome(env)}/tokens`;
  const path = `${folder}/${key}.json`;
  return {
    path,
    read: () => readStored(path),
    async write(token) {
      await ensurePrivateFolder(folder);
      await writeFileAtomic(path, `${JSON.stringify({ version: 1, ...token }, null, 2)}\n`);
    },
    remove: () =>
      Deno.remove(path).catch((error: unknown) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }),
    async lock(options) {
      await ensurePrivateFolder(folder);
      return await lockFile(`${folder}/${key}.lock`, options);
    },
  };
}

/** The name of the token for `identity` (a client id, empty for a person) at `host`: fit for a file name. */
export function tokenKey(host: string, identity = ""): string {
  const name = identity === "" ? host : `${host}@${identity}`;
  return name.replaceAll(/[^A-Za-z0-9.@_-]/g, "_");
}

async function readStored(path: string): Promise<StoredToken | null> {
  const text = await readPrivateFile(path, "token file").catch((error: unknown) => {
    if (error instanceof AppError && error.code === "not_found") return null;
    throw error;
  });
  return text === null ? null : parseStored(text);
}

function parseStored(text: string): StoredToken | null {
  try {
    const value: Partial<StoredToken> & { version?: number } = JSON.parse(text);
    const { version, accessToken, refreshToken, obtainedAt, expiresAt, headerNames } = value;
    if (version !== 1 || typeof accessToken !== "string" || typeof obtainedAt !== "number") return null;
    if (!Array.isArray(headerNames) || headerNames.length === 0) return null;
    return {
      accessToken,
      obtainedAt,
      headerNames: headerNames.map(String),
      ...(typeof refreshToken === "string" ? { refreshToken } : {}),
      ...(typeof expiresAt === "number" ? { expiresAt } : {}),
    };
  } catch {
    return null; // A damaged cache is worth as much as none: the next log-in replaces it.
  }
}
