import { AppError } from "../../base/errors.ts";
import { generateKey, type KeyKind, kindOfType } from "./generate.ts";
import { type Keypair, publishPublicKey, readKeypair } from "./keypair_files.ts";
import { placeFile, preparePrivateFolderOf } from "./place_file.ts";
import { parsePublicKey } from "./public_key.ts";

/** Options of {@link ensureKeypair}. */
export interface EnsureKeypairOptions {
  /** Of the private key; the public one stands beside it as `.pub`. */
  readonly path: string;
  /** ed25519 unless told otherwise. */
  readonly type?: KeyKind;
  /** What a fresh key is marked with; `porthole@<host name>` unless told otherwise. */
  readonly comment?: string | undefined;
  /** Encrypts a fresh key. */
  readonly passphrase?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What {@link ensureKeypair} found or made. */
export interface EnsureKeypairResult extends Keypair {
  /** True when this very call made the key. */
  readonly created: boolean;
}

/**
 * The key pair at `path`, made if there is none: the same one for everybody, when many processes ask at once too.
 *
 * The private key is 0600, a fresh folder 0700. What is there is never written over; a `.pub` that is missing beside a good
 * private key is written from it.
 * @throws AppError `unsafe_file` for loose modes, with the `chmod` to run; `key_invalid` for a damaged key or a `.pub` that
 * belongs to another; `already_exists` when the key there is of another type; `config_invalid` when it cannot be written.
 */
export async function ensureKeypair(options: EnsureKeypairOptions): Promise<EnsureKeypairResult> {
  const { path, type = "ed25519", signal } = options;
  signal?.throwIfAborted();
  const existing = await readKeypair(path, signal);
  if (existing) return assertKind({ ...existing, created: false }, type);
  await preparePrivateFolderOf(path);
  const { created } = await makeKeypair(options);
  const made = await readKeypair(path, signal);
  if (!made) throw new AppError("key_invalid", `The private key ${JSON.stringify(path)} went away while it was made`);
  return assertKind({ ...made, created }, type);
}

async function makeKeypair(
  { path, type = "ed25519", comment, passphrase, signal }: EnsureKeypairOptions,
): Promise<{ created: boolean }> {
  const fresh = await generateKey(type, comment ?? defaultKeyComment(), { passphrase });
  signal?.throwIfAborted();
  const created = await placeFile(path, { content: fresh.privateKey, mode: 0o600 });
  // Only the comment is lost if this fails: whoever reads the pair next writes it from the private key.
  if (created) await publishPublicKey(`${path}.pub`, parsePublicKey(fresh.publicKey));
  return { created };
}

function assertKind(keypair: EnsureKeypairResult, kind: KeyKind): EnsureKeypairResult {
  if (kindOfType(keypair.type) === kind) return keypair;
  throw new AppError(
    "already_exists",
    `Needed a key of type ${JSON.stringify(kind)} at ${JSON.stringify(keypair.privateKeyPath)}: found ${
      JSON.stringify(keypair.type)
    }`,
    { hint: "Name another file with --path, or replace this key with: porthole keys rotate" },
  );
}

/** The comment of keys made on this machine. */
export function defaultKeyComment(): string {
  return `porthole@${Deno.hostname()}`;
}
