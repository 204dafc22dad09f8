import { sleep } from "../../base/abort.ts";
import { AppError, describeError } from "../../base/errors.ts";
import { readPrivateFile } from "../../base/private_file.ts";
import { shellQuote } from "../../base/shell_quote.ts";
import { ignoreNotFound, placeFile } from "./place_file.ts";
import { parsePrivateKeyFile, type PrivateKeyInfo } from "./private_key.ts";
import { fingerprint, formatPublicKey, isSameBytes, parsePublicKey, type PublicKey } from "./public_key.ts";

/** A rotation replaces two files one after the other; whoever looks in between looks again. */
const LOOKS = 5;
const LOOK_AGAIN_MS = 40;

/** A key pair on disk. Holds no secret. */
export interface Keypair {
  readonly privateKeyPath: string;
  readonly publicKeyPath: string;
  /** `ssh-ed25519`, `ssh-rsa`, ... */
  readonly type: string;
  /** The line of the `.pub` file, without a newline. */
  readonly publicKey: string;
  /** `SHA256:...`. */
  readonly fingerprint: string;
  /** True when the private key has a passphrase. */
  readonly isEncrypted: boolean;
}

/** Where the public half of the private key at `path` is. */
export function publicKeyPathOf(path: string): string {
  return `${path}.pub`;
}

/**
 * The key pair at `path`, read and checked; undefined when there is none. A missing `.pub` is written anew.
 *
 * @throws AppError `unsafe_file` for loose modes; `key_invalid` for damage, for a `.pub` of another key, and for a `.pub`
 * alone. Nothing is changed then.
 */
export async function readKeypair(path: string, signal?: AbortSignal): Promise<Keypair | undefined> {
  for (let look = 1;; look++) {
    signal?.throwIfAborted();
    try {
      return await readOnce(path);
    } catch (error) {
      if (!(error instanceof AppError && error.code === "key_invalid") || look === LOOKS) throw error;
      await sleep(LOOK_AGAIN_MS, signal);
    }
  }
}

async function readOnce(path: string): Promise<Keypair | undefined> {
  const publicKeyPath = publicKeyPathOf(path);
  if (!await isThere(path)) {
    await refuseRemains(path, publicKeyPath);
    return undefined;
  }
  const what = `private key ${JSON.stringify(path)}`;
  const text = await readPrivateFile(path, "private key");
  const info = await parsePrivateKeyFile(text, what).catch((error: unknown) => {
    throw withHint(error, `Restore it from a copy, or move it away and make another: porthole keys ensure`);
  });
  const existing = await readPublicFile(publicKeyPath);
  if (!existing) {
    await publishPublicKey(publicKeyPath, info.publicKey);
    return await describeKeypair(path, info);
  }
  if (!isSameBytes(existing.blob, info.publicKey.blob)) {
    throw new AppError("key_invalid", await mismatchMessage({ path, publicKeyPath, existing, info }), {
      hint: `If the private key is the right one: rm ${shellQuote(publicKeyPath)}, and it is written anew`,
    });
  }
  return await describeKeypair(path, { ...info, publicKey: existing });
}

async function mismatchMessage(
  { path, publicKeyPath, existing, info }: {
    path: string;
    publicKeyPath: string;
    existing: PublicKey;
    info: PrivateKeyInfo;
  },
): Promise<string> {
  const [told, found] = await Promise.all([fingerprint(info.publicKey.blob), fingerprint(existing.blob)]);
  return `The public key ${JSON.stringify(publicKeyPath)} must belong to ${
    JSON.stringify(path)
  } (${told}): it is another key (${found})`;
}

/** A link that leads nowhere and a lonely `.pub` are left of something that must not be written over. */
async function refuseRemains(path: string, publicKeyPath: string): Promise<void> {
  const link = await Deno.lstat(path).catch(ignoreNotFound);
  if (link?.isSymlink) {
    throw new AppError(
      "key_invalid",
      `The private key ${JSON.stringify(path)} is a link to a file that does not exist`,
      {
        hint: `Restore the file that it leads to, or remove the link: rm ${shellQuote(path)}`,
      },
    );
  }
  // A private key that appeared since is somebody else's good work: the next look finds both.
  if (await isThere(publicKeyPath)) {
    throw new AppError(
      "key_invalid",
      `The public key ${JSON.stringify(publicKeyPath)} has no private key beside it: ${
        JSON.stringify(path)
      } does not exist`,
      { hint: `Restore the private key, or remove what is left of it: rm ${shellQuote(publicKeyPath)}` },
    );
  }
}

async function readPublicFile(path: string): Promise<PublicKey | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new AppError("key_invalid", `Cannot read the public key ${JSON.stringify(path)}: ${describeError(error)}`, {
      cause: error,
    });
  }
  try {
    return parsePublicKey(text, `public key ${JSON.stringify(path)}`);
  } catch (error) {
    throw withHint(error, `It is written anew from the private key once it is gone: rm ${shellQuote(path)}`);
  }
}

/** `error` with the next step, if it names none itself. */
function withHint(error: unknown, hint: string): unknown {
  if (!(error instanceof AppError) || error.hint !== undefined) return error;
  return new AppError(error.code, error.message, { hint, cause: error });
}

/** True when something can be reached at `path`, through links. */
async function isThere(path: string): Promise<boolean> {
  try {
    return await Deno.stat(path).catch(ignoreNotFound) !== undefined;
  } catch (error) {
    throw new AppError("unsafe_file", `Cannot look for the key ${JSON.stringify(path)}: ${describeError(error)}`, {
      hint: "Choose a folder that you can enter: set PORTHOLE_HOME, or name the file with --path",
      cause: error,
    });
  }
}

/** Writes a `.pub` where none is; one that appeared meanwhile stays, and the next reader compares it. */
export async function publishPublicKey(path: string, publicKey: PublicKey): Promise<void> {
  await placeFile(path, { content: `${formatPublicKey(publicKey)}\n`, mode: 0o644 }).catch((error: unknown) => {
    // The key is good and its public half is known: a folder that cannot be written does not make it worse.
    if (!(error instanceof AppError && error.code === "config_invalid")) throw error;
  });
}

/** What {@link Keypair} tells of a key that was just read or made. */
export async function describeKeypair(path: string, { publicKey, isEncrypted }: PrivateKeyInfo): Promise<Keypair> {
  return {
    privateKeyPath: path,
    publicKeyPath: publicKeyPathOf(path),
    type: publicKey.type,
    publicKey: formatPublicKey(publicKey),
    fingerprint: await fingerprint(publicKey.blob),
    isEncrypted,
  };
}
