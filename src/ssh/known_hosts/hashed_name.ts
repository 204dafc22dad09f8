import { hmacSha1, type HmacSha1Key, hmacSha1Key } from "./hmac_sha1.ts";

/** SHA-1 all of it: the salt of a hashed name is as long as the hash (sshd(8), HASH_MAGIC `|1|`). */
const SALT_BYTES = 20;
const HASHED = /^\|1\|([A-Za-z0-9+/]+=*)\|([A-Za-z0-9+/]+=*)$/;

/** The first field of a known_hosts line whose name is hidden, ready to be compared with any number of names. */
export interface HashedName {
  readonly key: HmacSha1Key;
  readonly hash: Uint8Array;
}

/** Reads `|1|salt|hash`; undefined for a field that is damaged, which names no host. */
export function parseHashedName(field: string): HashedName | undefined {
  const [, salt, hash] = HASHED.exec(field) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  try {
    return { key: hmacSha1Key(Uint8Array.fromBase64(salt)), hash: Uint8Array.fromBase64(hash) };
  } catch {
    return undefined; // No base64 after all, or a salt that no program has written.
  }
}

/** True when `name`, in UTF-8, is the one that is hidden. */
export function isHashedName({ key, hash }: HashedName, name: Uint8Array): boolean {
  const code = hmacSha1(key, name);
  return code.length === hash.length && code.every((byte, at) => byte === hash[at]);
}

/** `name` hashed with a fresh salt, as HashKnownHosts has it: who reads the file does not learn which hosts are in it. */
export function hashHostName(name: string): string {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const hash = hmacSha1(hmacSha1Key(salt), new TextEncoder().encode(name));
  return `|1|${salt.toBase64()}|${hash.toBase64()}`;
}
