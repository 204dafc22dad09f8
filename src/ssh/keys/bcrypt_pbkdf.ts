import bcrypt from "bcrypt-pbkdf";
import { AppError } from "../../base/errors.ts";
import type { Bytes } from "./wire.ts";

/**
 * bcrypt_pbkdf as OpenSSH uses it for passphrases. Runs on this thread: about 0.1 s for 16 rounds.
 *
 * @throws AppError `key_invalid` for parameters that the function does not know, such as no rounds.
 */
export function bcryptPbkdf(
  passphrase: Uint8Array,
  { salt, rounds, length }: { salt: Uint8Array; rounds: number; length: number },
): Bytes {
  const key = new Uint8Array(length);
  const status: unknown = bcrypt.pbkdf(passphrase, passphrase.length, salt, salt.length, key, length, rounds);
  if (status !== 0) {
    throw new AppError(
      "key_invalid",
      `Cannot derive a key with bcrypt: needed a salt and rounds, got ${salt.length} bytes of salt and ${rounds} rounds`,
    );
  }
  return key;
}
