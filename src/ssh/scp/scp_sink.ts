import { AppError } from "../../base/errors.ts";
import type { SftpFile } from "../sftp/file_system.ts";
import type { SftpStat } from "../sftp/attributes.ts";
import { FileType } from "../sftp/protocol.ts";
import { errnoStatus, type StatusError, toStatusError } from "../sftp/status_error.ts";
import { type ControlRecord, parseControlRecord } from "./control_record.ts";
import type { ScpTransfer } from "./scp_transfer.ts";

/** Folders inside folders; a path of 4,096 bytes, the system's limit, has no more. */
const MAX_DEPTH = 2048;

type Entry = Extract<ControlRecord, { kind: "file" | "folder" }>;
type Times = Extract<ControlRecord, { kind: "times" }>;

/** Takes what the other side sends to `target` (OpenSSH scp.c, `sink`). @throws AppError `protocol`, after which all is over. */
export async function receiveScp(transfer: ScpTransfer, target: string): Promise<void> {
  if (transfer.needsFolder && !isFolder(await statOrMissing(transfer, target))) {
    await transfer.warn(target, errnoStatus("ENOTDIR"));
    return;
  }
  await receiveLevel(transfer, target, 0);
}

async function receiveLevel(transfer: ScpTransfer, target: string, depth: number): Promise<void> {
  if (depth > MAX_DEPTH) throw new AppError("protocol", "protocol error: too many levels of folders");
  const { wire } = transfer;
  await wire.ok();
  const targetIsFolder = isFolder(await statOrMissing(transfer, target));
  let times: Times | undefined;
  for (;;) {
    const record = await nextRecord(transfer);
    if (!record) return;
    if (record.kind === "end") return await wire.ok();
    if (record.kind === "times") {
      times = record;
      await wire.ok();
      continue;
    }
    const path = targetIsFolder ? `${target.replace(/\/$/, "")}/${record.name}` : target;
    if (record.kind === "folder") await receiveFolder(transfer, { record, path, times, depth });
    else await receiveFile(transfer, { record, path, times });
    times = undefined;
  }
}

/** Null at the end. Warnings of the other side are counted and passed over. */
async function nextRecord(transfer: ScpTransfer): Promise<ControlRecord | null> {
  for (;;) {
    const first = await transfer.wire.byte();
    if (first === null) return null;
    if (first === 10) throw new AppError("protocol", "protocol error: unexpected <newline>");
    const line = await transfer.wire.line();
    if (first === 2) throw new AppError("protocol", line);
    if (first === 1) {
      transfer.countFailure();
      continue;
    }
    const record = String.fromCharCode(first) + line;
    transfer.verbose(`Sink: ${record}`);
    return parseControlRecord(record);
  }
}

async function receiveFolder(
  transfer: ScpTransfer,
  { record, path, times, depth }: { record: Entry; path: string; times: Times | undefined; depth: number },
): Promise<void> {
  const { fs, keepsTimes } = transfer;
  if (!transfer.isRecursive) throw new AppError("protocol", "protocol error: received directory without -r");
  const existing = await statOrMissing(transfer, path);
  try {
    if (existing && !isFolder(existing)) throw errnoStatus("ENOTDIR");
    // Its owner must be able to write into it until it is filled.
    if (!existing) await fs.makeFolder(path, { mode: record.mode | 0o700 });
    else if (keepsTimes) await fs.setAttributes(path, { mode: record.mode | 0o700 });
  } catch (error) {
    return await transfer.warn(path, toStatusError(error));
  }
  await receiveLevel(transfer, path, depth + 1);
  try {
    if (keepsTimes || (!existing && (record.mode & 0o700) !== 0o700)) {
      await fs.setAttributes(path, { mode: record.mode });
    }
    if (times) await fs.setAttributes(path, { atime: times.atime, mtime: times.mtime });
  } catch (error) {
    await transfer.warn(`${path}: set mode or times`, toStatusError(error));
  }
}

async function receiveFile(
  transfer: ScpTransfer,
  { record, path, times }: { record: Entry; path: string; times: Times | undefined },
): Promise<void> {
  const { fs, wire } = transfer;
  const existing = await statOrMissing(transfer, path);
  let file: SftpFile;
  try {
    file = await fs.open(path, { ...WRITE_IN_PLACE, mode: record.mode | 0o200 });
  } catch (error) {
    return await transfer.warn(path, toStatusError(error));
  }
  let failure: StatusError | undefined;
  try {
    await wire.ok();
    failure = await receiveContent(transfer, file, record.size);
    failure ??= await finishFile(transfer, { file, record, existing, times });
  } finally {
    try {
      await file.close();
    } catch (error) {
      failure ??= toStatusError(error);
    }
  }
  if ((await wire.answer()).kind !== "ok") transfer.countFailure();
  if (failure) await transfer.warn(path, failure);
  else await wire.ok();
}

/** As scp opens it: what is there is written over, and cut to size at the end. */
const WRITE_IN_PLACE = {
  read: false,
  write: true,
  append: false,
  create: true,
  truncate: false,
  exclusive: false,
} as const;

/** After a failure the rest is still read: the other side sends it in any case. */
async function receiveContent(
  { wire, signal }: ScpTransfer,
  file: SftpFile,
  size: number,
): Promise<StatusError | undefined> {
  let failure: StatusError | undefined;
  for (let at = 0; at < size;) {
    signal?.throwIfAborted();
    const bytes = await wire.some(size - at);
    try {
      if (!failure) await file.write(bytes, at);
    } catch (error) {
      failure = toStatusError(error);
    }
    at += bytes.length;
  }
  return failure;
}

async function finishFile(
  { keepsTimes }: ScpTransfer,
  { file, record, existing, times }: {
    file: SftpFile;
    record: Entry;
    existing: SftpStat | undefined;
    times: Times | undefined;
  },
): Promise<StatusError | undefined> {
  try {
    const isRegular = !existing || ((existing.mode ?? 0) & FileType.mask) === FileType.regular;
    if (isRegular) await file.setAttributes({ size: record.size });
    if (keepsTimes) await file.setAttributes({ mode: record.mode });
    else if (!existing && (record.mode & 0o200) === 0) {
      // Made writable to be filled: what the umask left of the rest stays.
      await file.setAttributes({ mode: ((await file.stat()).mode ?? 0) & 0o7577 });
    }
    if (times) await file.setAttributes({ atime: times.atime, mtime: times.mtime });
    return undefined;
  } catch (error) {
    return toStatusError(error);
  }
}

async function statOrMissing({ fs }: ScpTransfer, path: string): Promise<SftpStat | undefined> {
  try {
    return await fs.stat(path);
  } catch {
    // Whatever hides it will stop the open or mkdir that follows, which says why.
    return undefined;
  }
}

function isFolder(stat: SftpStat | undefined): boolean {
  return ((stat?.mode ?? 0) & FileType.mask) === FileType.folder;
}
