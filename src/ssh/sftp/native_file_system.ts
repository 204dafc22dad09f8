import fs from "node:fs";
import { posix } from "node:path";
import { type AccountNames, readAccountNames } from "./account_names.ts";
import type { SftpAttributes, SftpStat } from "./attributes.ts";
import type { FolderEntry, OpenOptions, SftpFile, SftpFileSystem } from "./file_system.ts";
import { withByteNames } from "./byte_name_file_system.ts";
import { NativeFile } from "./native_file.ts";
import { FileType } from "./protocol.ts";
import type { StatVfs } from "./stat_vfs.ts";
import { errnoStatus, StatusError, toStatusError } from "./status_error.ts";

/** Entries of a folder that are looked at side by side. */
const LSTAT_BATCH = 64;
/** As many links as Linux follows in one path (ELOOP beyond). */
const MAX_LINKS = 40;
/** The limit of every file system in use (POSIX NAME_MAX); the runtime does not tell the real one. */
const MAX_NAME_BYTES = 255;
/** What the runtime puts for bytes of a name that are not UTF-8. */
const REPLACEMENT = "\ufffd";

/** Options of {@link nativeFileSystem}. */
export interface NativeFileSystemOptions {
  /** The home folder of the server's own user; passwd's, if absent, is not asked for it. */
  readonly home?: string;
}

/**
 * The files of this machine (POSIX systems), with the rights of this process.
 *
 * Names that are not UTF-8 survive on Linux, see `withByteNames`. Elsewhere they are listed with U+FFFD in them, and
 * nothing is ever read from or made under a changed name.
 */
export function nativeFileSystem(options: NativeFileSystemOptions = {}): SftpFileSystem {
  return withByteNames(runtimeFileSystem(options));
}

/** Names as far as the runtime's own calls take them: those in UTF-8. */
function runtimeFileSystem({ home }: NativeFileSystemOptions): SftpFileSystem {
  let accounts: Promise<AccountNames> | undefined;
  const accountNames = () => accounts ??= readAccountNames();
  return {
    open: openFile,
    readFolder,
    stat: async (path) => toStat(await Deno.stat(path)),
    lstat: async (path) => toStat(await Deno.lstat(path)),
    setAttributes,
    setLinkAttributes,
    makeFolder: (path, { mode = 0o777 }) => Deno.mkdir(path, { mode }),
    removeFolder: (path) => fs.promises.rmdir(path),
    removeFile: (path) => fs.promises.unlink(path),
    rename: renameToNew,
    posixRename: (from, to) => Deno.rename(from, to),
    readLink: (path) => Deno.readLink(path),
    symlink: (target, path) => Deno.symlink(target, path),
    hardLink: (existing, path) => Deno.link(existing, path),
    realPath: (path) => realPath(path, MAX_LINKS),
    homeFolder: async (user) => user === undefined ? home : (await accountNames()).homeFolders.get(user),
    statVfs,
    ownerNames: async ({ uid, gid }) => {
      const { userNames, groupNames } = await accountNames();
      return {
        user: userNames.get(uid ?? -1) ?? String(uid ?? "?"),
        group: groupNames.get(gid ?? -1) ?? String(gid ?? "?"),
      };
    },
  };
}

async function openFile(path: string, options: OpenOptions): Promise<SftpFile> {
  const fd = await openDescriptor(path, options);
  try {
    // The runtime refuses the two flags together.
    if (options.append && options.truncate) fs.ftruncateSync(fd, 0);
    return new NativeFile(fd, { path, statVfs });
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

function openDescriptor(
  path: string,
  { read, write, append, create, truncate, exclusive, mode = 0o666 }: OpenOptions,
): Promise<number> {
  const { O_RDONLY, O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_TRUNC, O_EXCL, O_NONBLOCK } = fs.constants;
  const isNew = create && exclusive;
  // The runtime heeds O_EXCL only where it may write.
  const access = write ? (read ? O_RDWR : O_WRONLY) : isNew ? O_RDWR : O_RDONLY;
  const flags = access | (append ? O_APPEND : 0) | (create ? O_CREAT : 0) | (isNew ? O_EXCL : 0) |
    (truncate && !append ? O_TRUNC : 0) |
    // A FIFO without its other end would hold the opening thread for ever. Regular files do not care.
    O_NONBLOCK;
  return new Promise((resolve, reject) => {
    fs.open(path, flags, mode, (error, fd) => error ? reject(error) : resolve(fd));
  });
}

async function* readFolder(path: string): AsyncGenerator<FolderEntry, void> {
  let batch: Deno.DirEntry[] = [];
  for await (const entry of Deno.readDir(path)) {
    batch.push(entry);
    if (batch.length < LSTAT_BATCH) continue;
    yield* await lookAtAll(path, batch);
    batch = [];
  }
  yield* await lookAtAll(path, batch);
}

async function lookAtAll(path: string, batch: readonly Deno.DirEntry[]): Promise<FolderEntry[]> {
  const found = await Promise.all(batch.map((entry) => lookAt(path, entry)));
  return found.filter((entry) => entry !== undefined);
}

/** Undefined for what is gone by now. A name that the runtime cannot ask for is listed all the same, by its type alone. */
async function lookAt(
  folder: string,
  { name, isDirectory, isSymlink }: Deno.DirEntry,
): Promise<FolderEntry | undefined> {
  try {
    return { name, stat: toStat(await Deno.lstat(`${folder}/${name}`)) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && !name.includes(REPLACEMENT)) return undefined;
    return { name, stat: { mode: isDirectory ? FileType.folder : isSymlink ? FileType.symlink : FileType.regular } };
  }
}

function toStat({ size, uid, gid, mode, nlink, atime, mtime }: Deno.FileInfo): SftpStat {
  const mtimeSeconds = (mtime?.getTime() ?? 0) / 1000;
  return {
    size,
    ...(uid === null || gid === null ? {} : { uid, gid }),
    ...(mode === null ? {} : { mode }),
    atime: atime ? atime.getTime() / 1000 : mtimeSeconds,
    mtime: mtimeSeconds,
    ...(nlink === null ? {} : { linkCount: nlink }),
  };
}

async function setAttributes(path: string, { size, uid, gid, mode, atime, mtime }: SftpAttributes): Promise<void> {
  if (size !== undefined) await Deno.truncate(path, size);
  if (mode !== undefined) await fs.promises.chmod(path, mode & 0o7777);
  if (mtime !== undefined) await fs.promises.utimes(path, atime ?? mtime, mtime);
  if (uid !== undefined && gid !== undefined) await fs.promises.chown(path, uid, gid);
}

async function setLinkAttributes(path: string, { size, uid, gid, mode, atime, mtime }: SftpAttributes): Promise<void> {
  const isLink = (await Deno.lstat(path)).isSymlink;
  if (!isLink && (size !== undefined || mode !== undefined)) {
    await setAttributes(path, { ...(size === undefined ? {} : { size }), ...(mode === undefined ? {} : { mode }) });
  } else if (size !== undefined || mode !== undefined) {
    throw new StatusError(errnoStatus("EOPNOTSUPP").status, "A symbolic link has no mode or size to set");
  }
  if (mtime !== undefined) await fs.promises.lutimes(path, atime ?? mtime, mtime);
  if (uid !== undefined && gid !== undefined) await fs.promises.lchown(path, uid, gid);
}

/** Without a moment in which `to` could be replaced, where hard links work (as OpenSSH's process_rename). */
async function renameToNew(from: string, to: string): Promise<void> {
  const { isFile } = await Deno.lstat(from);
  if (isFile) {
    try {
      await Deno.link(from, to);
      return await fs.promises.unlink(from);
    } catch (error) {
      const { message } = toStatusError(error);
      if (message === errnoStatus("EEXIST").message || message === errnoStatus("ENOENT").message) throw error;
      // No hard links here (a FAT disk, another owner's file): look first, then rename.
    }
  }
  const isTaken = await Deno.lstat(to).then(() => true, () => false);
  if (isTaken) throw errnoStatus("EEXIST");
  await Deno.rename(from, to);
}

/** As realpath(3), but the last component may be missing, also behind a link (OpenSSH's sftp_realpath). */
async function realPath(path: string, linksLeft: number): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const name = posix.basename(path);
    const folder = posix.dirname(path);
    if (name === "" || name === "." || name === ".." || linksLeft === 0) throw error;
    const target = await Deno.readLink(path).catch(() => undefined);
    if (target !== undefined) {
      return await realPath(posix.isAbsolute(target) ? target : `${folder}/${target}`, linksLeft - 1);
    }
    return posix.join(await Deno.realPath(folder), name);
  }
}

async function statVfs(path: string): Promise<StatVfs> {
  const { bsize, blocks, bfree, bavail, files, ffree } = await fs.promises.statfs(path);
  return {
    blockSize: bsize,
    fragmentSize: bsize,
    blocks,
    freeBlocks: bfree,
    availableBlocks: bavail,
    files,
    freeFiles: ffree,
    availableFiles: ffree,
    id: 0,
    flags: 0,
    maxNameLength: MAX_NAME_BYTES,
  };
}
