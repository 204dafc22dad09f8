import { AppError } from "../../base/errors.ts";
import { type IdentityFault, identityFault } from "../../ssh/keys/identity_fault.ts";
import { parsePrivateKeyFile } from "../../ssh/keys/private_key.ts";
import { fingerprint, type PublicKey, tryParsePublicKey } from "../../ssh/keys/public_key.ts";

/** The key that ssh was to offer. */
export interface OfferedKey {
  readonly path: string;
  /** Type, fingerprint and where it comes from, as far as it can be told. */
  readonly text: string;
  /** Why ssh offered none. */
  readonly fault: IdentityFault | undefined;
}

/** The key in the file at `path`, and what keeps ssh from offering it. No secret is in it. */
export async function describeOffered(path: string): Promise<OfferedKey> {
  const key = await publicHalf(path);
  const text = key ? `${await describeKey(key)} from ${path}` : path;
  return { path, text, fault: await identityFault(path) };
}

/** `line` as a person tells keys apart. What is no public key is not quoted: it may be a private one. */
export async function describeKeyLine(line: string): Promise<string> {
  const key = tryParsePublicKey(line);
  return key ? await describeKey(key) : "one that is no public key";
}

async function describeKey({ type, blob, comment }: PublicKey): Promise<string> {
  return `${type} ${await fingerprint(blob)}${comment ? ` (${comment})` : ""}`;
}

/** The file itself tells it, unless it is in an older format: then the one beside it does. */
async function publicHalf(path: string): Promise<PublicKey | undefined> {
  const read = (file: string) => Deno.readTextFile(file).catch(() => ""); // Without it the path must do.
  try {
    return (await parsePrivateKeyFile(await read(path))).publicKey;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return tryParsePublicKey(await read(`${path}.pub`));
  }
}
