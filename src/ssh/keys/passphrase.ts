import type { KeyEnvelope } from "./openssh_key_v1.ts";
import { type Bytes, concatBytes, wireString, wireUint32 } from "./wire.ts";

/** Rounds of bcrypt_pbkdf: the default of `ssh-keygen -a`. */
const ROUNDS = 16;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
const IV_BYTES = 16;

/** What encrypting a private section tells its envelope. */
export type Seal = Pick<KeyEnvelope, "cipher" | "kdf" | "kdfOptions" | "sealed">;

/**
 * The private section that `format` writes for a block size, encrypted with `passphrase`; plain when there is none.
 *
 * aes256-ctr under a key from bcrypt_pbkdf, as `ssh-keygen` writes (PROTOCOL.key).
 */
export async function sealPrivateSection(
  format: (blockBytes: number) => Bytes,
  passphrase: string | undefined,
): Promise<Seal> {
  if (!passphrase) return { cipher: "none", kdf: "none", kdfOptions: new Uint8Array(), sealed: format(8) };
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const { key, counter } = await deriveKey(passphrase, salt, ROUNDS);
  const sealed = await crypto.subtle.encrypt({ name: "AES-CTR", counter, length: 128 }, key, format(16));
  return {
    cipher: "aes256-ctr",
    kdf: "bcrypt",
    kdfOptions: concatBytes(wireString(salt), wireUint32(ROUNDS)),
    sealed: new Uint8Array(sealed),
  };
}

async function deriveKey(
  passphrase: string,
  salt: Uint8Array,
  rounds: number,
): Promise<{ key: CryptoKey; counter: Bytes }> {
  // Loaded here alone: the package pulls in a Blowfish that keys without a passphrase never need.
  const { bcryptPbkdf } = await import("./bcrypt_pbkdf.ts");
  const material = bcryptPbkdf(new TextEncoder().encode(passphrase), { salt, rounds, length: KEY_BYTES + IV_BYTES });
  const key = await crypto.subtle.importKey("raw", material.slice(0, KEY_BYTES), "AES-CTR", false, ["encrypt"]);
  return { key, counter: material.slice(KEY_BYTES) };
}
