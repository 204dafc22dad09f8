import { AppError } from "../../base/errors.ts";
import type { SftpStat } from "../sftp/attributes.ts";
import type { SftpFile } from "../sftp/file_system.ts";
import { FileType } from "../sftp/protocol.ts";
import { StatusError, toStatusError } from "../sftp/status_error.ts";
import { formatEntryRecord, formatTimesRecord } from "./control_record.ts";
import type { ScpTransfer } from "./scp_transfer.ts";

/** Read and sent at once: as much as keeps both sides busy, as little as lets others have their turn. */
const BLOCK_BYTES = 128 * 1024;

const READ_ONLY = {
  read: true,
  write: false,
  append: false,
  create: false,
  truncate: false,
  exclusive: false,
} as const;

/** Sends `paths`, each absolute, to the other side (OpenSSH scp.c, `source`). @throws AppError `protocol`, after which all is over. */
export async function sendScp(transfer: ScpTransfer, paths: readonly string[]): Promise<void> {
  await isAccepted(transfer);
  for (const path of paths) await sendEntry(transfer, path);
}

async function sendEntry(transfer: ScpTransfer, path: string): Promise<void> {
  transfer.signal?.throwIfAborted();
  try {
    const stat = await transfer.fs.stat(path);
    const type = (stat.mode ?? 0) & FileType.mask;
    if (type === FileType.folder && transfer.isRecursive) return await sendFolder(transfer, path, stat);
    if (type !== FileType.regular) throw new StatusError(4, "not a regular file");
  } catch (error) {
    return await warnUnlessOver(transfer, path, error);
  }
  let file: SftpFile;
  try {
    file = await transfer.fs.open(path, READ_ONLY);
  } catch (error) {
    return await transfer.warn(path, toStatusError(error));
  }
  try {
    await sendFile(transfer, { path, file });
  } finally {
    await file.close();
  }
}

async function sendFile(transfer: ScpTransfer, { path, file }: { path: string; file: SftpFile }): Promise<void> {
  const stat = await file.stat();
  const size = stat.size ?? 0;
  if (!await sendTimes(transfer, stat)) return;
  const record = formatEntryRecord({ kind: "file", mode: stat.mode ?? 0o644, size, name: lastComponent(path) });
  transfer.verbose(`Sending file modes: ${record.trimEnd()}`);
  await transfer.wire.write(record);
  if (!await isAccepted(transfer)) return;
  const failure = await sendContent(transfer, file, size);
  if (failure) await transfer.warn(path, failure);
  else await transfer.wire.ok();
  await isAccepted(transfer);
}

/** Always sends `size` bytes: what cannot be read is zeros, and the failure is told behind them. */
async function sendContent(
  { wire, signal }: ScpTransfer,
  file: SftpFile,
  size: number,
): Promise<StatusError | undefined> {
  let failure: StatusError | undefined;
  const buffer = new Uint8Array(Math.min(BLOCK_BYTES, Math.max(size, 1)));
  for (let at = 0; at < size;) {
    signal?.throwIfAborted();
    const block = buffer.subarray(0, Math.min(buffer.length, size - at));
    let got = 0;
    try {
      if (!failure) got = await file.read(block, at);
      if (got < block.length) failure ??= new StatusError(4, "file got shorter while it was sent");
    } catch (error) {
      failure = toStatusError(error);
    }
    block.fill(0, got);
    await wire.write(block);
    at += block.length;
  }
  return failure;
}

async function sendFolder(transfer: ScpTransfer, path: string, stat: SftpStat): Promise<void> {
  const names: string[] = [];
  for await (const { name } of transfer.fs.readFolder(path)) names.push(name);
  if (!await sendTimes(transfer, stat)) return;
  const record = formatEntryRecord({ kind: "folder", mode: stat.mode ?? 0o755, size: 0, name: lastComponent(path) });
  transfer.verbose(`Entering directory: ${record.trimEnd()}`);
  await transfer.wire.write(record);
  if (!await isAccepted(transfer)) return;
  for (const name of names) await sendEntry(transfer, `${path.replace(/\/$/, "")}/${name}`);
  await transfer.wire.write("E\n");
  await isAccepted(transfer);
}

/** With `-p`. False when the other side does not want the entry. */
async function sendTimes(transfer: ScpTransfer, stat: SftpStat): Promise<boolean> {
  if (!transfer.keepsTimes) return true;
  await transfer.wire.write(formatTimesRecord(stat));
  return await isAccepted(transfer);
}

/** Reads an answer. @throws AppError `protocol` when it ends everything. */
async function isAccepted(transfer: ScpTransfer): Promise<boolean> {
  const { kind, message } = await transfer.wire.answer();
  if (kind === "ok") return true;
  transfer.countFailure();
  if (kind === "fatal") throw new AppError("protocol", message);
  return false;
}

/** A failure of the file is a warning; one of the connection is not. */
async function warnUnlessOver(transfer: ScpTransfer, path: string, error: unknown): Promise<void> {
  if (error instanceof AppError || transfer.signal?.aborted) throw error;
  await transfer.warn(path, toStatusError(error));
}

function lastComponent(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  return trimmed.slice(trimmed.lastIndexOf("/") + 1) || "/";
}
