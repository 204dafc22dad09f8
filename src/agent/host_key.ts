import { AppError } from "../base/errors.ts";
import { readPrivateFile } from "../base/private_file.ts";
import { generateKey } from "../ssh/keys/generate.ts";
import { fingerprint } from "../ssh/keys/public_key.ts";
import { utils } from "../ssh/ssh2_adapter.ts";

/** The key by which the agent proves itself. */
export interface HostKey {
  /** An OpenSSH private key file's text. Secret. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA...` */
  readonly publicKey: string;
  /** `SHA256:...` */
  readonly fingerprint: string;
}

/** Whose signatures the server can make under our algorithm policy. */
const TYPES: readonly string[] = ["ssh-ed25519", "ssh-rsa"];

/**
 * The host key of `file`, or a fresh ed25519 one that lives as long as the agent.
 *
 * @throws AppError `not_found`, `unsafe_file` as for every private file; `key_invalid` for one that cannot serve.
 */
export async function loadHostKey(file: string | undefined): Promise<HostKey> {
  if (file === undefined) {
    const { privateKey, publicKey, fingerprint } = await generateKey("ed25519");
    return { privateKey, publicKey, fingerprint };
  }
  const privateKey = await readPrivateFile(file, "host key");
  const [parsed] = [utils.parseKey(privateKey)].flat();
  if (!parsed || parsed instanceof Error || !parsed.isPrivateKey() || !TYPES.includes(parsed.type)) {
    throw new AppError(
      "key_invalid",
      `Cannot use the host key ${JSON.stringify(file)}: needed an unencrypted ed25519 or RSA key`,
      {
        hint: "Make one: ssh-keygen -t ed25519 -N '' -f FILE",
      },
    );
  }
  const blob = new Uint8Array(parsed.getPublicSSH());
  return { privateKey, publicKey: `${parsed.type} ${blob.toBase64()}`, fingerprint: await fingerprint(blob) };
}
