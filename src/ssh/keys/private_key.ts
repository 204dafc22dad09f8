import { AppError } from "../../base/errors.ts";
import { closePrivateSection, openPrivateSection, parseEnvelope } from "./openssh_key_v1.ts";
import { checkPrivateHalf } from "./private_half.ts";
import { blobType, type PublicKey } from "./public_key.ts";

/** What can be told of a private key file without its passphrase. Holds no secret. */
export interface PrivateKeyInfo {
  /** The public half. Its comment is empty when the key is encrypted, since it is inside. */
  readonly publicKey: PublicKey;
  readonly isEncrypted: boolean;
}

/**
 * What the text of an `openssh-key-v1` file tells. Unless it is encrypted, both halves are proven to belong together.
 *
 * `what` names the file in errors: `private key "/home/me/.porthole/id_ed25519"`.
 * @throws AppError `key_invalid` for other formats and for any damage.
 */
export async function parsePrivateKeyFile(text: string, what = "private key"): Promise<PrivateKeyInfo> {
  const { cipher, kdf, kdfOptions, publicBlob, sealed, tag } = parseEnvelope(text, what);
  const type = blobType(publicBlob, what);
  if (cipher !== "none") {
    if (sealed.length === 0) throw new AppError("key_invalid", `The ${what} is damaged: its private half is missing`);
    return { publicKey: { type, blob: publicBlob, comment: "" }, isEncrypted: true };
  }
  if (kdf !== "none" || kdfOptions.length > 0) {
    throw new AppError(
      "key_invalid",
      `The ${what} is damaged: it has no cipher, but ${JSON.stringify(kdf)} for its key`,
    );
  }
  if (tag.length > 0) throw new AppError("key_invalid", `The ${what} is damaged: ${tag.length} bytes follow its end`);
  const reader = openPrivateSection(sealed, what);
  const isKnown = await checkPrivateHalf(reader, publicBlob);
  const comment = isKnown ? closePrivateSection(reader) : "";
  return { publicKey: { type, blob: publicBlob, comment: comment.replace(/[\r\n\0]+/g, " ") }, isEncrypted: false };
}
