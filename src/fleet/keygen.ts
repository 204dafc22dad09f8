import { dirname } from "node:path";
import { AppError } from "../base/errors.ts";
import { writeFileAtomic } from "../base/private_file.ts";
import { generateKey, generateRsa, type KeyKind } from "../ssh/keys/generate.ts";

/** A key pair, on disk too if a path was given. Holds the private key: not for logs. */
export interface SSHKeyPair {
  /** `type base64 comment`. */
  readonly publicKey: string;
  /** The text of an OpenSSH private key file. */
  readonly privateKey: string;
  /** `SHA256:...`. */
  readonly fingerprint: string;
  /** `ssh-ed25519`. */
  readonly type: string;
  readonly comment: string;
  readonly path?: string;
  readonly pubPath?: string;
}

/** Options of {@link keygen}. */
export interface KeygenOptions {
  readonly type?: KeyKind;
  /** For rsa, 2048 to 16384, 4096 unless given; the other types have one size, 256. */
  readonly bits?: number;
  readonly comment?: string;
  readonly passphrase?: string;
  /** Writes `path` (0600) and `path.pub`; nothing is written otherwise. */
  readonly path?: string;
  /** Replaces files that are there. */
  readonly overwrite?: boolean;
}

/** OpenSSH takes no smaller RSA key for safe, and makes no larger one (ssh-keygen(1), -b). */
const BITS: Readonly<Record<KeyKind, readonly [min: number, max: number]>> = {
  ed25519: [256, 256],
  ecdsa: [256, 256],
  rsa: [2048, 16_384],
};

/**
 * Makes a key pair: ed25519 unless told otherwise.
 *
 * @throws AppError `usage` for a size that a type is not made in; `already_exists` unless `overwrite`.
 */
export async function keygen(options: KeygenOptions = {}): Promise<SSHKeyPair> {
  const { type: kind = "ed25519", bits, comment = "", passphrase, path, overwrite = false } = options;
  checkSize(kind, bits);
  if (path !== undefined && !overwrite) await assertFree(path);
  const { type, privateKey, publicKey, fingerprint } = kind === "rsa" && bits !== undefined
    ? await generateRsa(comment, { passphrase, bits })
    : await generateKey(kind, comment, { passphrase });
  const pair = { publicKey, privateKey, fingerprint, type, comment };
  if (path === undefined) return pair;
  const pubPath = `${path}.pub`;
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, privateKey);
  await writeFileAtomic(pubPath, `${publicKey}\n`, { mode: 0o644 });
  return { ...pair, path, pubPath };
}

function checkSize(kind: KeyKind, bits: number | undefined): void {
  const range = BITS[kind];
  if (range === undefined) {
    throw new AppError("usage", `There is no key type ${JSON.stringify(kind)}: it is ed25519, ecdsa or rsa`);
  }
  const [min, max] = range;
  if (bits === undefined || (Number.isInteger(bits) && bits >= min && bits <= max)) return;
  const sizes = min === max ? `${min} bits` : `${min} to ${max} bits`;
  throw new AppError("usage", `A key of type ${kind} is made with ${sizes}: got ${bits}`);
}

async function assertFree(path: string): Promise<void> {
  for (const each of [path, `${path}.pub`]) {
    const isThere = await Deno.lstat(each).then(() => true, (error) => {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    });
    if (!isThere) continue;
    throw new AppError("already_exists", `Cannot write the key to ${JSON.stringify(each)}: it exists`, {
      hint: "Choose another path, or say overwrite",
    });
  }
}
