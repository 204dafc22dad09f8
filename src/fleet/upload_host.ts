import { join } from "node:path";
import { dirname, join as remoteJoin } from "node:path/posix";
import { deadline, orAbort } from "../base/abort.ts";
import { AppError } from "../base/errors.ts";
import type { SshConnection } from "../ssh/client/connection.ts";
import { assertSameHash, hashLocalFile, hashRemoteFile } from "./checksum.ts";
import { localBasename } from "./local_names.ts";
import { partName } from "./part_name.ts";
import type { RemoteFiles } from "./remote_files.ts";
import { runAtMost } from "./run_at_most.ts";
import { parseMode, type TransferOptions } from "./transfer_options.ts";
import type { TransferProgress } from "./transfer_progress.ts";

/** Files of a tree that are under way at once: small ones cost round trips, not bytes. */
const FILES_AT_ONCE = 8;

/** For taking away what a failed upload has left. */
const CLEAN_UP_MS = 2000;

/** One regular file to upload. */
export interface LocalFile {
  readonly path: string;
  /** Below the target, with slashes; empty for a transfer of one file. */
  readonly below: string;
  readonly size: number;
  readonly mode: number | undefined;
  readonly mtime: number | undefined;
}

/** What is to be uploaded, looked at once for all hosts. */
export interface LocalSource {
  readonly path: string;
  readonly isFolder: boolean;
  /** Parents before what is in them. */
  readonly folders: readonly LocalFolder[];
  readonly files: readonly LocalFile[];
  /** What is neither of them, or a link to nowhere: paths below the target. */
  readonly skipped: readonly string[];
}

/** A folder of a tree: what a {@link LocalFile} has, but for the size. */
export type LocalFolder = Pick<LocalFile, "below" | "mode" | "mtime">;

/** What a transfer to or from one host came to. */
export interface TransferOutcome {
  readonly files: number;
  readonly dst: string;
  readonly skipped?: readonly string[];
  readonly checksums?: Readonly<Record<string, string>>;
}

/**
 * What is at `src`; links are followed, and what is neither file nor folder is told as skipped.
 *
 * @throws AppError `not_found`, and `usage` for a folder without `recursive`.
 */
export async function readLocalSource(src: string, { recursive = false }: TransferOptions): Promise<LocalSource> {
  const info = await Deno.stat(src).catch((error: unknown) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new AppError("not_found", `Cannot upload ${JSON.stringify(src)}: it does not exist`, { cause: error });
  });
  if (info.isFile) {
    return { path: src, isFolder: false, folders: [], files: [localFile(src, "", info)], skipped: [] };
  }
  if (!info.isDirectory) {
    throw new AppError("usage", `Cannot upload ${JSON.stringify(src)}: it is neither a file nor a folder`);
  }
  if (!recursive) {
    throw new AppError("usage", `Cannot upload ${JSON.stringify(src)}: it is a folder`, { hint: "Add --recursive" });
  }
  const folders: LocalFolder[] = [];
  const files: LocalFile[] = [];
  const skipped: string[] = [];
  const walk = async (
    path: string,
    { below, info, above }: { below: string; info: Deno.FileInfo; above: readonly string[] },
  ): Promise<void> => {
    const real = await Deno.realPath(path);
    // A link back to a folder above it would be walked for ever.
    if (above.includes(real)) return;
    folders.push(localFile(path, below, info));
    for await (const { name } of Deno.readDir(path)) {
      const child = join(path, name);
      const found = await Deno.stat(child).catch(() => null);
      const childBelow = below === "" ? name : `${below}/${name}`;
      if (found?.isDirectory) await walk(child, { below: childBelow, info: found, above: [...above, real] });
      else if (found?.isFile) files.push(localFile(child, childBelow, found));
      else skipped.push(childBelow);
    }
  };
  await walk(src, { below: "", info, above: [] });
  return { path: src, isFolder: true, folders, files, skipped };
}

function localFile(path: string, below: string, { size, mode, mtime }: Deno.FileInfo): LocalFile {
  return {
    path,
    below,
    size,
    mode: mode === null ? undefined : mode & 0o7777,
    mtime: mtime === null ? undefined : Math.floor(mtime.getTime() / 1000),
  };
}

/** What uploading to one host takes. */
export interface UploadWork {
  readonly connection: SshConnection;
  readonly files: RemoteFiles;
  readonly progress: TransferProgress;
  readonly options: TransferOptions;
  readonly signal: AbortSignal | undefined;
}

/**
 * Uploads `source` to `dst`; into it where it is a folder or ends with a slash. Every file is written beside its target
 * and takes its name when it is whole. A folder that is made takes mode and time of its source in the end.
 *
 * @throws AppError `remote_failed`, `not_found`, `tunnel_closed`, ...
 */
export async function uploadToHost(source: LocalSource, dst: string, work: UploadWork): Promise<TransferOutcome> {
  const { files } = work;
  const target = await remoteTarget(source, dst, files);
  const made: LocalFolder[] = [];
  for (const folder of source.folders) {
    if (await files.makeFolder(remoteJoin(target, folder.below))) made.push(folder);
  }
  if (!source.isFolder) await files.makeFolder(dirname(target));
  const checksums: Record<string, string> = {};
  await runAtMost(FILES_AT_ONCE, source.files, async (file) => {
    const to = file.below === "" ? target : remoteJoin(target, file.below);
    const checksum = await uploadFile(file, to, work);
    if (checksum !== undefined) checksums[to] = checksum;
  });
  // What is inside first: to write into a folder changes its time, and may be forbidden by its mode.
  for (const { below, mode, mtime } of made.reverse()) {
    await files.setAttributes(remoteJoin(target, below), { mode, mtime });
  }
  return {
    files: source.files.length,
    dst: target,
    ...(source.skipped.length ? { skipped: source.skipped } : {}),
    ...(work.options.checksum ? { checksums } : {}),
  };
}

async function remoteTarget({ path }: LocalSource, dst: string, files: RemoteFiles): Promise<string> {
  // Both SFTP and the shell start in the home folder.
  const place = dst === "~" ? "." : dst.replace(/^~\//, "") || ".";
  const isFolder = place.endsWith("/") || (await files.stat(place))?.kind === "folder";
  return isFolder ? remoteJoin(place, localBasename(await Deno.realPath(path))) : place;
}

async function uploadFile(file: LocalFile, to: string, work: UploadWork): Promise<string | undefined> {
  const { files, options } = work;
  const { resume = false } = options;
  const part = remoteJoin(dirname(to), partName(remoteBasename(to), { source: file, resume }));
  try {
    await writePart(file, part, work);
    const checksum = options.checksum ? await compare(file, part, work) : undefined;
    await files.setAttributes(part, { mode: parseMode(options.mode) ?? file.mode, mtime: file.mtime });
    await files.replace(part, to);
    return checksum;
  } catch (error) {
    const isWorthKeeping = resume && !(error instanceof AppError && /checksum/.test(error.message));
    if (!isWorthKeeping && !work.connection.isClosed) {
      // Also where the call was cancelled: what is left of it would fill the disks of all hosts.
      using limit = deadline(CLEAN_UP_MS, { reason: () => new AppError("timeout", "It could not be removed in time") });
      await orAbort(files.remove(part), limit.signal).catch(() => {/* the first error is the one to tell */});
    }
    throw error;
  }
}

async function writePart(file: LocalFile, part: string, work: UploadWork): Promise<void> {
  const { files, progress, options, signal } = work;
  const startAt = options.resume ? resumePoint((await files.stat(part))?.size, file.size) : 0;
  using source = await Deno.open(file.path);
  await source.seek(startAt, Deno.SeekMode.Start);
  const onProgress = progress.file(file.path, { startAt, totalBytes: file.size });
  const inOrder = options.resume === true;
  await files.write(part, source, { startAt, size: file.size, inOrder, onProgress, signal });
  const written = (await files.stat(part))?.size;
  if (written === file.size) return;
  throw new AppError(
    "remote_failed",
    `The upload of ${JSON.stringify(file.path)} is not whole: ${written ?? 0} of ${file.size} bytes are there`,
    { hint: "Did the file change while it was read?" },
  );
}

function resumePoint(have: number | undefined, size: number): number {
  return have !== undefined && have <= size ? have : 0;
}

async function compare(file: LocalFile, part: string, { connection, files, signal }: UploadWork): Promise<string> {
  const [here, there] = await Promise.all([
    hashLocalFile(file.path, signal),
    hashRemoteFile(connection, part, { files, size: file.size, signal }),
  ]);
  assertSameHash(file.path, { here, there });
  return here;
}

function remoteBasename(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
