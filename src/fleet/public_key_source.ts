import { AppError } from "../base/errors.ts";
import { type Environment, expandHome } from "../base/home.ts";
import { parsePublicKey, type PublicKey } from "../ssh/keys/public_key.ts";

/**
 * The public key that `key` means: a line `type base64`, the path of a `.pub` file, or of the private key beside one.
 *
 * @throws AppError `not_found`, `key_invalid`.
 */
export async function readPublicKey(key: string, environment: Environment): Promise<PublicKey> {
  if (/^(?:ssh-|ecdsa-|sk-)\S+ \S/.test(key)) return parsePublicKey(key.trim());
  const path = expandHome(key.endsWith(".pub") ? key : `${key}.pub`, environment);
  try {
    return parsePublicKey(await Deno.readTextFile(path), `public key ${JSON.stringify(path)}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new AppError("not_found", `Cannot read the public key ${JSON.stringify(path)}: it does not exist`, {
      hint: "Give the path of a .pub file, or of the private key beside it",
      cause: error,
    });
  }
}
