import { generateEd25519 } from "../ssh/keys/generate.ts";
import { parsePrivateKeyFile } from "../ssh/keys/private_key.ts";
import { fingerprint, formatPublicKey } from "../ssh/keys/public_key.ts";

/** What a server shows of itself, and the secret behind it. */
export interface HostIdentity {
  /** Text of OpenSSH's format. */
  readonly privateKey: string;
  /** `type base64`. */
  readonly publicKey: string;
  /** `SHA256:...`. */
  readonly fingerprint: string;
}

/** The identity of a private key, or a fresh ed25519 one. @throws AppError `key_invalid` */
export async function makeHostIdentity(privateKey?: string): Promise<HostIdentity> {
  if (privateKey === undefined) return await generateEd25519();
  const { publicKey } = await parsePrivateKeyFile(privateKey, "host key of the test server");
  return {
    privateKey,
    publicKey: formatPublicKey({ ...publicKey, comment: "" }),
    fingerprint: await fingerprint(publicKey.blob),
  };
}
