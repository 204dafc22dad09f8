import { AppError } from "../../base/errors.ts";
import { readPrivateFile, writeFileAtomic } from "../../base/private_file.ts";
import { defaultKeyComment } from "./ensure_keypair.ts";
import { type GeneratedKey, generateKey, type KeyKind, kindOfType } from "./generate.ts";
import { type Keypair, publicKeyPathOf, readKeypair } from "./keypair_files.ts";
import { ignoreNotFound, placeFile } from "./place_file.ts";

/** Options of {@link rotateKeypair}. */
export interface RotateKeypairOptions {
  readonly path: string;
  /** Of the fresh key; the old key's kind unless told otherwise. */
  readonly type?: KeyKind | undefined;
  readonly comment?: string | undefined;
  readonly passphrase?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The time that the old key's name tells; now unless told otherwise. */
  readonly now?: Date;
}

/** What {@link rotateKeypair} did. */
export interface RotateKeypairResult extends Keypair {
  /** Where the old private key is now; its `.pub` stands beside it. */
  readonly oldPrivateKeyPath: string;
}

/**
 * Puts a fresh key pair at `path`; the old one is kept beside it as `<path>.old-<date>`, so that runs started with it can
 * still be reached (`ssh -i`). There is no moment without a private key at `path`.
 *
 * @throws AppError `not_found` when there is no key to rotate, and what `readKeypair` throws of a damaged one.
 */
export async function rotateKeypair(options: RotateKeypairOptions): Promise<RotateKeypairResult> {
  const { path, type, comment = defaultKeyComment(), passphrase, signal, now = new Date() } = options;
  const keypair = await readKeypair(path, signal);
  if (!keypair) {
    throw new AppError("not_found", `There is no key to rotate at ${JSON.stringify(path)}`, {
      hint: "Make one with: porthole keys ensure",
    });
  }
  const fresh = await generateKey(type ?? kindOfType(keypair.type) ?? "ed25519", comment, { passphrase });
  signal?.throwIfAborted();
  // A key that is a link is rotated where it really is: the link stays.
  const real = await Deno.realPath(path);
  const oldPrivateKeyPath = await keepOld(real, { keypair, now });
  await writeFileAtomic(real, fresh.privateKey, { mode: 0o600 });
  await settlePublicKey(path, fresh);
  const made = await readKeypair(path, signal);
  if (!made) throw new AppError("key_invalid", `The private key ${JSON.stringify(path)} went away while it was made`);
  return { ...made, oldPrivateKeyPath };
}

/** Gives the old pair a second name; the private key stays at its place until the new one takes it in one step. */
async function keepOld(
  real: string,
  { keypair, now }: { readonly keypair: Keypair; readonly now: Date },
): Promise<string> {
  const stamp = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const content = await readPrivateFile(real, "private key");
  for (let copy = 0;; copy++) {
    const old = `${real}.old-${stamp}${copy ? `-${copy}` : ""}`;
    if (!await placeFile(old, { content, mode: 0o600 })) continue;
    await placeFile(publicKeyPathOf(old), { content: `${keypair.publicKey}\n`, mode: 0o644 });
    // Gone before the private key changes: a reader in between misses it, which is no error, and never sees the wrong one.
    await Deno.remove(keypair.publicKeyPath).catch(ignoreNotFound);
    return old;
  }
}

/** Writes the `.pub` of the private key that is there; of several rotations at once the last writer sees the last key. */
async function settlePublicKey(path: string, fresh: GeneratedKey): Promise<void> {
  await writeFileAtomic(publicKeyPathOf(path), `${fresh.publicKey}\n`, { mode: 0o644 });
  if (await Deno.readTextFile(path) === fresh.privateKey) return;
  await Deno.remove(publicKeyPathOf(path)).catch(ignoreNotFound);
}
