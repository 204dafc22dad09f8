import { createHash } from "node:crypto";
import { AppError } from "../base/errors.ts";
import { shellQuote } from "../base/shell_quote.ts";
import type { SshConnection } from "../ssh/client/connection.ts";
import type { RemoteFiles } from "./remote_files.ts";

const BLOCK_BYTES = 256 * 1024;

/** SHA-256 of a local file in hexadecimal. */
export async function hashLocalFile(path: string, signal: AbortSignal | undefined): Promise<string> {
  using file = await Deno.open(path);
  const hash = createHash("sha256");
  const block = new Uint8Array(BLOCK_BYTES);
  for (let count; (count = await file.read(block)) !== null;) {
    signal?.throwIfAborted();
    hash.update(block.subarray(0, count));
  }
  return hash.digest("hex");
}

/** What hashing a remote file takes. */
export interface RemoteHashOptions {
  readonly files: RemoteFiles;
  readonly size: number;
  readonly signal: AbortSignal | undefined;
}

/** SHA-256 of a remote file: by a program there, or where there is none by reading the file back. */
export async function hashRemoteFile(
  connection: SshConnection,
  path: string,
  { files, size, signal }: RemoteHashOptions,
): Promise<string> {
  const told = await askForHash(connection, path, signal);
  if (told !== undefined) return told;
  const hash = createHash("sha256");
  const sink = {
    write(bytes: Uint8Array) {
      hash.update(bytes);
      return Promise.resolve(bytes.length);
    },
  };
  await files.read(path, sink, { startAt: 0, size, onProgress: () => {}, signal });
  return hash.digest("hex");
}

async function askForHash(
  connection: SshConnection,
  path: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const file = shellQuote(path);
  // From stdin: a name with a backslash makes sha256sum write its line in another form.
  const script = `sha256sum < ${file} 2>/dev/null || shasum -a 256 < ${file} 2>/dev/null || sha256 -q < ${file}`;
  try {
    using command = await connection.exec(`sh -c ${shellQuote(script)}`, { signal });
    command.stdin.close();
    command.stderr.discard();
    let text = "";
    for (let bytes; (bytes = await command.stdout.read()) !== null && text.length < 1000;) {
      text += new TextDecoder().decode(bytes);
    }
    command.stdout.discard();
    const { code } = await command.exit;
    return code === 0 ? /^[0-9a-f]{64}/.exec(text)?.[0] : undefined;
  } catch (error) {
    signal?.throwIfAborted();
    // A server for files alone starts no commands: the file can still be read back.
    if (error instanceof AppError && error.code === "protocol") return undefined;
    throw error;
  }
}

/** @throws AppError `remote_failed` when the two differ. */
export function assertSameHash(path: string, { here, there }: { here: string; there: string }): void {
  if (here === there) return;
  throw new AppError(
    "remote_failed",
    `The checksum of ${JSON.stringify(path)} differs: SHA-256 is ${here} here and ${there} on the far side`,
    { hint: "Try again without resume" },
  );
}
