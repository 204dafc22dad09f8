import { dirname } from "node:path";
import { AppError } from "../base/errors.ts";
import { writeFileAtomic } from "../base/private_file.ts";
import { type Environment, expandHome } from "../base/home.ts";
import { generateKey, type KeyKind } from "../ssh/keys/generate.ts";

/** A key pair, on disk too if a path was given. Holds the private key: not for logs. */
export interface SSHKeyPair {
  /** `type base64 comment`. */
  readonly publicKey: string;
  /** The text of an OpenSSH private key file. */
  readonly privateKey: string;
  /** `SHA256:...`. */
  readonly fingerprint: string;
  /** As it was asked for: what the key's line begins with is in `publicKey`. */
  readonly type: KeyKind;
  readonly comment: string;
  readonly path?: string;
  readonly pubPath?: string;
}

/** A key pair that is on disk. */
export type SavedKeyPair = SSHKeyPair & Required<Pick<SSHKeyPair, "path" | "pubPath">>;

/** Options of {@link keygen}. */
export interface KeygenOptions {
  readonly type?: KeyKind;
  /** For rsa, 2048 to 16384, 4096 unless given; for ecdsa 256 (default), 384 or 521; ed25519 has one size, 256. */
  readonly bits?: number;
  readonly comment?: string;
  readonly passphrase?: string;
  /** Writes `path` (0600) and `path.pub`; nothing is written otherwise. */
  readonly path?: string;
  /** Replaces files that are there. */
  readonly overwrite?: boolean;
  /** Where `~/` of `path` is; the process environment unless given. */
  readonly environment?: Environment;
}

/** What each type can be made in: OpenSSH takes no smaller RSA key for safe, and makes no larger one (ssh-keygen(1), -b). */
const SIZES: Readonly<Record<KeyKind, { readonly text: string; readonly fits: (bits: number) => boolean }>> = {
  ed25519: { text: "256 bits", fits: (bits) => bits === 256 },
  ecdsa: { text: "256, 384 or 521 bits", fits: (bits) => [256, 384, 521].includes(bits) },
  rsa: { text: "2048 to 16384 bits", fits: (bits) => Number.isInteger(bits) && bits >= 2048 && bits <= 16_384 },
};

/**
 * Makes a key pair: ed25519 unless told otherwise.
 *
 * @throws AppError `usage` for a size that a type is not made in; `already_exists` unless `overwrite`.
 */
export function keygen(options: KeygenOptions & { readonly path: string }): Promise<SavedKeyPair>;
export function keygen(options?: KeygenOptions): Promise<SSHKeyPair>;
export async function keygen(options: KeygenOptions = {}): Promise<SSHKeyPair> {
  const { type = "ed25519", bits, comment = "", passphrase, overwrite = false } = options;
  checkSize(type, bits);
  const path = options.path && expandHome(options.path, options.environment ?? Deno.env.toObject());
  if (path && !overwrite) await assertFree(path);
  const { privateKey, publicKey, fingerprint } = await generateKey(type, comment, { passphrase, bits });
  const pair = { publicKey, privateKey, fingerprint, type, comment };
  if (!path) return pair;
  const pubPath = `${path}.pub`;
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, privateKey);
  await writeFileAtomic(pubPath, `${publicKey}\n`, { mode: 0o644 });
  return { ...pair, path, pubPath };
}

function checkSize(type: KeyKind, bits: number | undefined): void {
  const size = SIZES[type];
  if (size === undefined) {
    throw new AppError("usage", `There is no key type ${JSON.stringify(type)}: it is ed25519, ecdsa or rsa`);
  }
  if (bits === undefined || size.fits(bits)) return;
  throw new AppError("usage", `A key of type ${type} is made with ${size.text}: got ${bits}`);
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
