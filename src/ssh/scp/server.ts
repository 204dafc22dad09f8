import { AppError } from "../../base/errors.ts";
import type { ByteStream } from "../../stream/byte_stream.ts";
import type { SftpFileSystem } from "../sftp/file_system.ts";
import { expandWord, inFolder } from "./pathname_expansion.ts";
import type { ScpCommand } from "./scp_command.ts";
import { receiveScp } from "./scp_sink.ts";
import { sendScp } from "./scp_source.ts";
import { ScpTransfer } from "./scp_transfer.ts";
import { ScpWire } from "./scp_wire.ts";

/** Options of {@link serveScp}. */
export interface ServeScpOptions {
  readonly fs: SftpFileSystem;
  /** Absolute: what relative paths are relative to. */
  readonly cwd: string;
  /** Takes what the program would print on stderr, newlines included. */
  readonly stderr: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Is the far side of `scp -O` on `stream` (stdin and stdout of the command) until the transfer ends.
 *
 * Resolves with the exit status: 0, or 1 when anything could not be copied, which the other side was told. Names that
 * lead out of the target folder are refused. The stream stays open; an abort disposes it.
 * @throws the signal's reason.
 */
export async function serveScp(
  stream: ByteStream,
  command: ScpCommand,
  { fs, cwd, stderr, signal }: ServeScpOptions,
): Promise<number> {
  signal?.throwIfAborted();
  const onAbort = () => stream[Symbol.dispose]();
  signal?.addEventListener("abort", onAbort, { once: true });
  const wire = new ScpWire(stream);
  const transfer = new ScpTransfer({ wire, fs, command, stderr, signal });
  try {
    const words = await Promise.all(command.paths.map((word) => expandWord(word, { fs, cwd })));
    const paths = words.flat();
    if (command.role === "source") await sendScp(transfer, paths.map((path) => inFolder(cwd, path)));
    else if (paths.length === 1) await receiveScp(transfer, inFolder(cwd, paths[0] ?? ""));
    else throw new AppError("protocol", "ambiguous target");
    return transfer.exitStatus;
  } catch (error) {
    signal?.throwIfAborted();
    await tellEnd(wire, error);
    return 1;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

async function tellEnd(wire: ScpWire, error: unknown): Promise<void> {
  const message = error instanceof AppError ? error.message : "internal error";
  try {
    await wire.warn(message);
  } catch {
    // The other side is gone, which is often why it ended: nobody is left to tell.
  }
}
