import { dirname, join } from "node:path";
import { join as remoteJoin } from "node:path/posix";
import { AppError } from "../base/errors.ts";
import type { SshConnection } from "../ssh/client/connection.ts";
import { assertSameHash, hashLocalFile, hashRemoteFile } from "./checksum.ts";
import { localBasename } from "./local_names.ts";
import { partName } from "./part_name.ts";
import type { RemoteFiles } from "./remote_files.ts";
import { runAtMost } from "./run_at_most.ts";
import { parseMode, type TransferOptions } from "./transfer_options.ts";
import type { TransferProgress } from "./transfer_progress.ts";
import type { TransferOutcome } from "./upload_host.ts";

const FILES_AT_ONCE = 8;
/** Links that lead back up make a tree without an end. */
const MAX_DEPTH = 64;

/** What downloading from one host takes. */
export interface DownloadWork {
  readonly connection: SshConnection;
  readonly files: RemoteFiles;
  readonly progress: TransferProgress;
  readonly options: TransferOptions;
  readonly signal: AbortSignal | undefined;
}

interface RemoteFile {
  readonly path: string;
  readonly to: string;
  readonly size: number;
  readonly mode: number | undefined;
  readonly mtime: number | undefined;
}

/**
 * Downloads `src` to the local path `dst`. Every file is written beside its target and takes its name when it is whole;
 * links are followed, so that nothing that is made here can point anywhere.
 *
 * @throws AppError `not_found`, `remote_failed`, and `usage` for a folder without `recursive`.
 */
export async function downloadFromHost(src: string, dst: string, work: DownloadWork): Promise<TransferOutcome> {
  const place = src === "~" ? "." : src.replace(/^~\//, "") || ".";
  const { files, folders } = await listRemote(place, dst, work);
  for (const folder of folders) await Deno.mkdir(folder, { recursive: true });
  await Deno.mkdir(dirname(dst), { recursive: true });
  const checksums: Record<string, string> = {};
  await runAtMost(FILES_AT_ONCE, files, async (file) => {
    const checksum = await downloadFile(file, work);
    if (checksum !== undefined) checksums[file.to] = checksum;
  });
  return { files: files.length, dst, ...(work.options.checksum ? { checksums } : {}) };
}

async function listRemote(
  src: string,
  dst: string,
  { files: remote, options, signal }: DownloadWork,
): Promise<{ files: RemoteFile[]; folders: string[] }> {
  const files: RemoteFile[] = [];
  const folders: string[] = [];
  const walk = async (path: string, to: string, depth: number): Promise<void> => {
    signal?.throwIfAborted();
    const found = await remote.stat(path);
    if (!found && depth > 0) return;
    if (!found) throw new AppError("not_found", `Cannot download ${JSON.stringify(src)}: it is not on the far side`);
    if (found.kind === "file") files.push({ path, to, ...found });
    if (found.kind !== "folder" || depth > MAX_DEPTH) return;
    if (!options.recursive) {
      throw new AppError("usage", `Cannot download ${JSON.stringify(src)}: it is a folder`, {
        hint: "Add --recursive",
      });
    }
    folders.push(to);
    for (const name of await remote.list(path)) {
      await walk(remoteJoin(path, name), join(to, assertLocalName(name)), depth + 1);
    }
  };
  await walk(src, dst, 0);
  return { files, folders };
}

/** A name from the far side must not lead out of the folder that it is put into. */
function assertLocalName(name: string): string {
  const isBad = name === "" || name === "." || name === ".." || /[/\0]/.test(name) ||
    (Deno.build.os === "windows" && /[\\:]/.test(name));
  if (!isBad) return name;
  throw new AppError("remote_failed", `The far side listed a name that cannot be one here: ${JSON.stringify(name)}`);
}

async function downloadFile(file: RemoteFile, work: DownloadWork): Promise<string | undefined> {
  const { options } = work;
  const { resume = false } = options;
  const part = join(dirname(file.to), partName(localBasename(file.to), { source: file, resume }));
  try {
    await readPart(file, part, work);
    const checksum = options.checksum ? await compare(file, part, work) : undefined;
    const mode = parseMode(options.mode) ?? file.mode;
    if (mode !== undefined && Deno.build.os !== "windows") await Deno.chmod(part, mode);
    if (file.mtime !== undefined) await Deno.utime(part, file.mtime, file.mtime);
    await Deno.rename(part, file.to);
    return checksum;
  } catch (error) {
    const isWorthKeeping = resume && !(error instanceof AppError && /checksum/.test(error.message));
    if (!isWorthKeeping) await Deno.remove(part).catch(() => {/* never made, or renamed */});
    throw error;
  }
}

async function readPart(file: RemoteFile, part: string, work: DownloadWork): Promise<void> {
  const { files, progress, options, signal } = work;
  using sink = await Deno.open(part, { write: true, create: true, truncate: !options.resume, mode: 0o600 });
  const have = (await sink.stat()).size;
  const startAt = have <= file.size ? have : 0;
  if (startAt !== have) await sink.truncate(0);
  await sink.seek(startAt, Deno.SeekMode.Start);
  const onProgress = progress.file(file.path, { startAt, totalBytes: file.size });
  await files.read(file.path, sink, { startAt, size: file.size, onProgress, signal });
  const { size } = await sink.stat();
  // More than was told is no fault: files of /proc tell 0, logs grow.
  if (size >= file.size) return;
  throw new AppError(
    "remote_failed",
    `The download of ${JSON.stringify(file.path)} is not whole: ${size} of ${file.size} bytes came`,
  );
}

async function compare(file: RemoteFile, part: string, { connection, files, signal }: DownloadWork): Promise<string> {
  const [here, there] = await Promise.all([
    hashLocalFile(part, signal),
    hashRemoteFile(connection, file.path, { files, size: file.size, signal }),
  ]);
  assertSameHash(file.path, { here, there });
  return here;
}
