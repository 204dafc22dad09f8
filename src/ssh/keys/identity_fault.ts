import { shellQuote } from "../../base/shell_quote.ts";
import { tryParsePublicKey } from "./public_key.ts";

/** Why ssh leaves a private key alone, and what to do about it. */
export interface IdentityFault {
  /** Behind the path: `is a public key`. */
  readonly reason: string;
  /** What to do before ssh is given `identityFile`. */
  readonly remedy: string;
  readonly identityFile: string;
}

/** What keeps ssh from offering the private key in the file at `path`; undefined where nothing here does. */
export async function identityFault(path: string): Promise<IdentityFault | undefined> {
  let text: string;
  let info: Deno.FileInfo;
  try {
    text = await Deno.readTextFile(path);
    info = await Deno.stat(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "is not there" : "cannot be read";
    return { reason, remedy: "Give one that is yours:", identityFile: "KEY" };
  }
  if (tryParsePublicKey(text.split("\n", 1)[0] ?? "")) {
    return { reason: "is a public key", remedy: "Give its private half:", identityFile: path.replace(/\.pub$/, "") };
  }
  if (!/^-----BEGIN .*PRIVATE KEY-----/m.test(text)) {
    return { reason: "holds no private key", remedy: "Give one that does:", identityFile: "KEY" };
  }
  // authfile.c, sshkey_perm_ok: only the owner's own files are looked at.
  const { mode, uid } = info;
  if (mode !== null && uid === Deno.uid() && (mode & 0o077) !== 0) {
    const octal = `0${(mode & 0o777).toString(8)}`;
    const remedy = `chmod 600 ${shellQuote(path)}, then`;
    return { reason: `has the mode ${octal}, and ssh ignores a key that others may read`, remedy, identityFile: path };
  }
  return undefined;
}
