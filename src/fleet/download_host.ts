import { dirname, join } from "node:path";
import { join as remoteJoin } from "node:path/posix";
import { AppError } from "../base/errors.ts";
import type { SshConnection } from "../ssh/client/connection.ts";
import { assertSameHash, hashLocalFile, hashRemoteFile } from "./checksum.ts";
import { localBasename } from "./local_names.ts";
import { partName } from "./part_name.ts";
import type { RemoteFiles, RemoteStat } from "./remote_files.ts";
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

interface RemoteFile extends RemoteFolder {
  readonly path: string;
  readonly size: number;
}

interface RemoteFolder {
  readonly to: string;
  readonly mode: number | undefined;
  readonly mtime: number | undefined;
}

/** What there is below a remote path. */
interface RemoteTree {
  readonly files: readonly RemoteFile[];
  /** Parents before what is in them. */
  readonly folders: readonly RemoteFolder[];
  /** What is neither of them, or a link to nowhere. */
  readonly skipped: readonly string[];
}

/**
 * Downloads `src` to the local path `dst`. Every file is written beside its target and takes its name when it is whole;
 * links are followed, so that nothing that is made here can point anywhere.
 *
 * @throws AppError `not_found`, `remote_failed`, and `usage` for a folder without `recursive`.
 */
export async function downloadFromHost(src: string, dst: string, work: DownloadWork): Promise<TransferOutcome> {
  const place = src === "~" ? "." : src.replace(/^~\//, "") || ".";
  const { files, folders, skipped } = await listRemote(place, dst, work);
  const made: RemoteFolder[] = [];
  for (const folder of folders) if (await makeFolder(folder.to)) made.push(folder);
  await Deno.mkdir(dirname(dst), { recursive: true });
  const checksums: Record<string, string> = {};
  await runAtMost(FILES_AT_ONCE, files, async (file) => {
    const checksum = await downloadFile(file, work);
    if (checksum !== undefined) checksums[file.to] = checksum;
  });
  // What is inside first: to write into a folder changes its time, and may be forbidden by its mode.
  for (const { to, ...attributes } of made.reverse()) await setAttributes(to, attributes);
  return {
    files: files.length,
    dst,
    ...(skipped.length ? { skipped } : {}),
    ...(work.options.checksum ? { checksums } : {}),
  };
}

/** True when the folder was not there. */
async function makeFolder(path: string): Promise<boolean> {
  const wasThere = await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
  if (!wasThere) await Deno.mkdir(path, { recursive: true });
  return !wasThere;
}

async function setAttributes(path: string, { mode, mtime }: Pick<RemoteFolder, "mode" | "mtime">): Promise<void> {
  if (mode !== undefined && Deno.build.os !== "windows") await Deno.chmod(path, mode);
  if (mtime !== undefined) await Deno.utime(path, mtime, mtime);
}

async function listRemote(
  src: string,
  dst: string,
  { files: remote, options, signal }: DownloadWork,
): Promise<RemoteTree> {
  const files: RemoteFile[] = [];
  const folders: RemoteFolder[] = [];
  const skipped: string[] = [];
  const walk = async (path: string, to: string, depth: number): Promise<void> => {
    signal?.throwIfAborted();
    const found = await remote.stat(path);
    if (found?.kind !== "folder" && found?.kind !== "file") {
      if (depth > 0) return void skipped.push(path);
      throw notThere(src, found);
    }
    const { kind, size, mode, mtime } = found;
    if (kind === "file") files.push({ path, to, size, mode, mtime });
    if (kind === "file" || depth > MAX_DEPTH) return;
    if (!options.recursive) {
      throw new AppError("usage", `Cannot download ${JSON.stringify(src)}: it is a folder`, {
        hint: "Add --recursive",
      });
    }
    folders.push({ to, mode, mtime });
    for (const name of await remote.list(path)) {
      await walk(remoteJoin(path, name), join(to, assertLocalName(name)), depth + 1);
    }
  };
  await walk(src, dst, 0);
  return { files, folders, skipped };
}

function notThere(src: string, found: RemoteStat | null): AppError {
  const quoted = JSON.stringify(src);
  return found
    ? new AppError("remote_failed", `Cannot download ${quoted}: it is neither a file nor a folder`)
    : new AppError("not_found", `Cannot download ${quoted}: it is not on the far side`);
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
    await setAttributes(part, { mode: parseMode(options.mode) ?? file.mode, mtime: file.mtime });
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
