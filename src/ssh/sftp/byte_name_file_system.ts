import fs from "node:fs";
import { posix } from "node:path";
import type { SftpAttributes } from "./attributes.ts";
import { hasRawBytes } from "./byte_path.ts";
import type { FolderEntry, OpenOptions, SftpFile, SftpFileSystem } from "./file_system.ts";
import { type LibcPaths, LinuxFlag, openLibc } from "./libc_paths.ts";
import { errnoStatus, StatusError } from "./status_error.ts";

/** What the runtime puts for bytes of a name that are not UTF-8. */
const REPLACEMENT = "\ufffd";

/**
 * `base`, which takes names as the runtime does, with names added that are not UTF-8 (see `decodePath`).
 *
 * On Linux such a file is opened by libc and reached as `/proc/self/fd/N` from then on; where libc cannot be called,
 * requests for such names fail with a message that says so. `base` never gets one of them.
 */
export function withByteNames(base: SftpFileSystem): SftpFileSystem {
  /** `usual` unless one of `paths` needs libc. */
  const route = <T>(paths: readonly string[], usual: () => Promise<T>, special: () => Promise<T>): Promise<T> =>
    paths.some(hasRawBytes) ? special() : usual();
  const change = (paths: readonly string[], usual: () => Promise<void>, special: (libc: LibcPaths) => void) =>
    route(paths, usual, async () => await withLibc(special));

  const self: SftpFileSystem = {
    open: (path, options) => route([path], () => base.open(path, options), () => openByBytes(base, path, options)),
    readFolder: (path) => readFolder(base, path, (entry) => self.lstat(entry)),
    stat: (path) => route([path], () => base.stat(path), () => reach(path, (reached) => base.stat(reached))),
    lstat: (path) =>
      route([path], () => base.lstat(path), () => reach(path, (reached) => base.stat(reached), { follow: false })),
    setAttributes: (path, attributes) =>
      route([path], () => base.setAttributes(path, attributes), () => setAttributes(base, path, attributes)),
    setLinkAttributes: (path, attributes) =>
      route([path], () => base.setLinkAttributes(path, attributes), () => {
        return reach(path, (reached) => base.setAttributes(reached, attributes), { follow: false });
      }),
    makeFolder: (path, options) =>
      change([path], () => base.makeFolder(path, options), (libc) => libc.makeFolder(path, options.mode ?? 0o777)),
    removeFolder: (path) => change([path], () => base.removeFolder(path), (libc) => libc.removeFolder(path)),
    removeFile: (path) => change([path], () => base.removeFile(path), (libc) => libc.unlink(path)),
    rename: (from, to) =>
      route([from, to], () => base.rename(from, to), async () => {
        if (await self.lstat(to).then(() => true, () => false)) throw errnoStatus("EEXIST");
        withLibc((libc) => libc.rename(from, to));
      }),
    posixRename: (from, to) => change([from, to], () => base.posixRename(from, to), (libc) => libc.rename(from, to)),
    async readLink(path) {
      const target = hasRawBytes(path) ? REPLACEMENT : await orReplacement(base.readLink(path));
      return target.includes(REPLACEMENT) ? withLibc((libc) => libc.readLink(path)) : target;
    },
    symlink: (target, path) =>
      change([target, path], () => base.symlink(target, path), (libc) => libc.symlink(target, path)),
    hardLink: (existing, path) =>
      change([existing, path], () => base.hardLink(existing, path), (libc) => libc.link(existing, path)),
    realPath: (path) => realPath(base, path),
    homeFolder: (user) => base.homeFolder(user),
    statVfs: (path) => route([path], () => base.statVfs(path), () => reach(path, (reached) => base.statVfs(reached))),
    ownerNames: (stat) => base.ownerNames(stat),
  };
  return self;
}

function withLibc<T>(use: (libc: LibcPaths) => T): T {
  using libc = openLibc();
  return use(libc);
}

/** Calls `use` with a path of the runtime's kind for what is at `path`; a symbolic link itself unless followed. */
async function reach<T>(
  path: string,
  use: (reached: string) => Promise<T>,
  { follow = true }: { follow?: boolean } = {},
): Promise<T> {
  const flags = LinuxFlag.path | LinuxFlag.closeOnExec | (follow ? 0 : fs.constants.O_NOFOLLOW);
  return await holding(withLibc((libc) => libc.open(path, { flags })), use);
}

async function holding<T>(descriptor: number, use: (reached: string) => Promise<T>): Promise<T> {
  try {
    return await use(`/proc/self/fd/${descriptor}`);
  } finally {
    withLibc((libc) => libc.close(descriptor));
  }
}

async function openByBytes(base: SftpFileSystem, path: string, options: OpenOptions): Promise<SftpFile> {
  const existing: OpenOptions = { ...options, create: false, exclusive: false };
  if (!options.create) return await reach(path, (reached) => base.open(reached, existing));
  const { O_WRONLY, O_CREAT, O_EXCL, O_NONBLOCK } = fs.constants;
  const flags = O_WRONLY | O_CREAT | O_NONBLOCK | LinuxFlag.closeOnExec | (options.exclusive ? O_EXCL : 0);
  const made = withLibc((libc) => libc.open(path, { flags, mode: options.mode ?? 0o666 }));
  return await holding(made, (reached) => base.open(reached, existing));
}

const WRITE: OpenOptions = {
  read: false,
  write: true,
  append: false,
  create: false,
  truncate: false,
  exclusive: false,
};

function setAttributes(base: SftpFileSystem, path: string, { size, ...rest }: SftpAttributes): Promise<void> {
  return reach(path, async (reached) => {
    if (size !== undefined) {
      // truncate(2) does not take a path of this kind; ftruncate(2) does what is open.
      const file = await base.open(reached, WRITE);
      try {
        await file.setAttributes({ size });
      } finally {
        await file.close();
      }
    }
    await base.setAttributes(reached, rest);
  });
}

async function* readFolder(
  base: SftpFileSystem,
  path: string,
  lstat: SftpFileSystem["lstat"],
): AsyncGenerator<FolderEntry, void> {
  const inexact: FolderEntry[] = [];
  if (!hasRawBytes(path)) {
    for await (const entry of base.readFolder(path)) {
      if (entry.name.includes(REPLACEMENT)) inexact.push(entry);
      else yield entry;
    }
    if (inexact.length === 0) return;
  }
  let names: string[];
  try {
    names = withLibc((libc) => libc.names(path));
  } catch (error) {
    if (inexact.length === 0) throw error;
    return yield* inexact;
  }
  for (const name of names) {
    // The others were told above, unless the runtime could not even name the folder.
    if (inexact.length > 0 && !hasRawBytes(name) && !name.includes(REPLACEMENT)) continue;
    const stat = await lstat(`${path}/${name}`).catch(() => undefined);
    if (stat) yield { name, stat };
  }
}

/** Some of the runtime's calls refuse to give a name that is not UTF-8, others put U+FFFD into it: here all do. */
async function orReplacement(name: Promise<string>): Promise<string> {
  try {
    return await name;
  } catch (error) {
    if (error instanceof Deno.errors.InvalidData) return REPLACEMENT;
    throw error;
  }
}

async function realPath(base: SftpFileSystem, path: string): Promise<string> {
  const known = hasRawBytes(path) ? REPLACEMENT : await orReplacement(base.realPath(path));
  if (!known.includes(REPLACEMENT)) return known;
  try {
    return await reach(path, (reached) => Promise.resolve(withLibc((libc) => libc.readLink(reached))));
  } catch (error) {
    const isMissing = error instanceof StatusError && error.status === errnoStatus("ENOENT").status;
    const name = posix.basename(path);
    if (!isMissing || name === "." || name === "..") throw error;
    return posix.join(await realPath(base, posix.dirname(path)), name);
  }
}
