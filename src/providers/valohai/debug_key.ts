import { resolve } from "node:path";
import { AppError, describeError } from "../../base/errors.ts";
import { oneLine } from "../../base/printable.ts";
import { shellQuote } from "../../base/shell_quote.ts";
import { formatPublicKey, parsePublicKey } from "../../ssh/keys/public_key.ts";

/** A public key that an execution lets in, and where its private half is, if that is known. */
export interface DebugKey {
  /** One line that begins with `ssh`: what Valohai's own check asks for. */
  readonly publicKey: string;
  readonly identityFile: string | undefined;
}

/**
 * `text` as the one line that Valohai takes for a key.
 *
 * @throws AppError `key_invalid` for a private key, above all: it must never leave this machine. Nothing of it is quoted.
 */
export function parseDebugKey(text: string, source: string): string {
  if (/PRIVATE KEY/.test(text) || /^PuTTY-User-Key-File/m.test(text)) {
    throw new AppError("key_invalid", `Cannot send ${source} to Valohai: it holds a private key, which stays here`, {
      hint: "Give the public one, whose file ends in .pub; ssh-keygen -y -f KEY prints it",
    });
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  const [line = ""] = lines;
  if (lines.length !== 1 || !line.startsWith("ssh")) {
    throw new AppError(
      "key_invalid",
      `Cannot use ${source} as the key of an execution: needed one line that begins with "ssh", found ${
        lines.length === 1 ? JSON.stringify(oneLine(line, 24)) : `${lines.length} lines`
      }`,
      { hint: "Valohai takes ed25519 and RSA keys: porthole keys ensure makes one" },
    );
  }
  return formatPublicKey(parsePublicKey(line, source));
}

/** The public key in the file at `path`, with the private half that stands beside it. @throws AppError `key_invalid`. */
export async function readDebugKeyFile(path: string): Promise<DebugKey> {
  const source = `--debug-key-file ${JSON.stringify(path)}`;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new AppError("key_invalid", `Cannot read ${source}: ${describeError(error)}`, {
      hint: `ssh-keygen -t ed25519 -N '' -f ${shellQuote(path.replace(/\.pub$/, ""))} makes one`,
      cause: error,
    });
  }
  const publicKey = parseDebugKey(text, source);
  return { publicKey, identityFile: await privateHalfOf(path) };
}

/**
 * The private key beside `KEY.pub`: `KEY`, else `KEY.pem`; undefined when there is none. A path from the root, since it is
 * filed and used from other folders.
 */
export async function privateHalfOf(publicPath: string): Promise<string | undefined> {
  if (!publicPath.endsWith(".pub")) return undefined;
  const base = resolve(publicPath).slice(0, -".pub".length);
  for (const path of [base, `${base}.pem`]) {
    const isFile = await Deno.stat(path).then((found) => found.isFile, () => false);
    if (isFile) return path;
  }
  return undefined;
}
