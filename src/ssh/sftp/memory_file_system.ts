// deno-lint-ignore-file require-await -- what the methods throw is to be a rejection, as of files on a disk
import type { SftpAttributes, SftpStat } from "./attributes.ts";
import type { FolderEntry, OpenOptions, SftpFile, SftpFileSystem } from "./file_system.ts";
import type { StatVfs } from "./stat_vfs.ts";
import type { FileOperation, OperationPlace } from "./file_operation.ts";
import { MemoryFile } from "./memory_file.ts";
import { changeAttributes, type MemoryNode, newFile, newFolder, newLink, resizeFile, statOf } from "./memory_node.ts";
import { MemoryTree } from "./memory_tree.ts";
import { errnoStatus } from "./status_error.ts";

/** Options of {@link MemoryFileSystem}. */
export interface MemoryFileSystemOptions {
  /** The home folder, made with the rest. */
  readonly home?: string;
  /** Where a file that grows past it meets ENOSPC. */
  readonly maxFileBytes?: number;
  /** Seconds since 1970: the clock that times are taken from. */
  readonly now?: () => number;
  /** Told of every operation before it is done; what it throws comes of the operation. */
  readonly onOperation?: (operation: FileOperation, place: OperationPlace) => void;
}

/** What a file that a test puts there has besides its content. */
export interface AddFileOptions {
  /** Permission bits: 0644 unless told otherwise. */
  readonly mode?: number;
  /** Seconds since 1970: now unless told otherwise. */
  readonly mtime?: number;
}

/** One file or folder as {@link MemoryFileSystem.list} tells it. */
export interface MemoryEntry {
  readonly path: string;
  readonly stat: SftpStat;
}

const BLOCK_BYTES = 4096;
const DISK_BLOCKS = 1 << 20;

/** Files that exist in memory alone: to be put there, changed over SFTP or scp, and looked at. */
export class MemoryFileSystem implements SftpFileSystem {
  readonly #tree: MemoryTree;
  readonly #home: string;
  readonly #onOperation: (operation: FileOperation, place: OperationPlace) => void;
  readonly maxFileBytes: number;
  readonly now: () => number;

  constructor(
    {
      home = "/",
      maxFileBytes = 2 ** 30,
      now = () => Math.floor(Date.now() / 1000),
      onOperation = () => {},
    }: MemoryFileSystemOptions = {},
  ) {
    this.maxFileBytes = maxFileBytes;
    this.now = now;
    this.#home = home;
    this.#onOperation = onOperation;
    this.#tree = new MemoryTree({ now: now() });
    this.addFolder(home);
  }

  /** Puts a file there, with the folders above it; replaces one that is there. */
  addFile(path: string, content: string | Uint8Array, { mode = 0o644, mtime = this.now() }: AddFileOptions = {}): void {
    this.addFolder(path.slice(0, path.lastIndexOf("/")) || "/");
    const { folder, name } = this.#tree.find(path, { followLast: true });
    const file = newFile({ mode, now: mtime });
    file.content = typeof content === "string" ? new TextEncoder().encode(content) : content.slice();
    file.size = file.content.length;
    folder.entries.set(name, file);
  }

  /** Puts a folder there, with those above it; one that is there stays. */
  addFolder(path: string, { mode = 0o755 }: { mode?: number } = {}): void {
    let at = "";
    for (const name of path.split("/").filter((each) => each !== "")) {
      at += `/${name}`;
      const place = this.#tree.find(at, { followLast: true });
      if (!place.node) place.folder.entries.set(place.name, newFolder({ mode, now: this.now() }));
      else if (place.node.kind !== "folder") throw errnoStatus("ENOTDIR");
    }
  }

  /** A copy of a file's bytes; undefined when there is no such file. */
  content(path: string): Uint8Array | undefined {
    const node = this.#lookUp(path);
    return node?.kind === "file" ? node.content.slice(0, node.size) : undefined;
  }

  /** What is at `path`, links not followed; undefined when nothing is. */
  entry(path: string): SftpStat | undefined {
    const node = this.#lookUp(path, { followLast: false });
    return node && statOf(node);
  }

  /** Everything below `folder`, parents before children. */
  *list(folder = "/"): Generator<MemoryEntry, void> {
    const base = folder.replace(/\/+$/, "");
    for (const [name, node] of this.#tree.folder(folder).entries) {
      yield { path: `${base}/${name}`, stat: statOf(node) };
      if (node.kind === "folder") yield* this.list(`${base}/${name}`);
    }
  }

  /** `path` as it is without links, `.` and `..`; its last name may stand for nothing. @throws StatusError */
  protected canonical(path: string, { followLast = true } = {}): string {
    return this.#tree.find(path, { followLast }).path;
  }

  /** Tells `onOperation` of an operation to come. @throws what it throws */
  protected enter(operation: FileOperation, place: OperationPlace): void {
    this.#onOperation(operation, place);
  }

  async open(path: string, options: OpenOptions): Promise<SftpFile> {
    const place = this.#tree.find(path, { followLast: !options.exclusive });
    this.enter("open", { path: place.path });
    if (place.node && options.create && options.exclusive) throw errnoStatus("EEXIST");
    if (!place.node && !options.create) throw errnoStatus("ENOENT");
    const node = place.node ?? newFile({ mode: options.mode ?? 0o644, now: this.now() });
    if (node.kind === "folder") throw errnoStatus("EISDIR");
    if (node.kind === "link") throw errnoStatus("ELOOP");
    if (!place.node) place.folder.entries.set(place.name, node);
    if (options.truncate) resizeFile(node, { size: 0, maxBytes: this.maxFileBytes });
    return new MemoryFile(node, { path: place.path, options, host: this.#host() });
  }

  async *readFolder(path: string): AsyncGenerator<FolderEntry, void> {
    const { path: canonical } = this.#tree.get(path, { followLast: true });
    this.enter("readFolder", { path: canonical });
    for (const [name, node] of [...this.#tree.folder(path).entries]) yield { name, stat: statOf(node) };
  }

  async stat(path: string): Promise<SftpStat> {
    return statOf(this.#enterAt("stat", path));
  }

  async lstat(path: string): Promise<SftpStat> {
    return statOf(this.#enterAt("lstat", path, { followLast: false }));
  }

  async setAttributes(path: string, attributes: SftpAttributes): Promise<void> {
    const node = this.#enterAt("setAttributes", path);
    if (attributes.size !== undefined) {
      if (node.kind !== "file") throw errnoStatus("EISDIR");
      resizeFile(node, { size: attributes.size, maxBytes: this.maxFileBytes });
    }
    changeAttributes(node, attributes);
  }

  async setLinkAttributes(path: string, attributes: SftpAttributes): Promise<void> {
    const node = this.#enterAt("setAttributes", path, { followLast: false });
    if (attributes.size !== undefined || (node.kind === "link" && attributes.mode !== undefined)) {
      throw errnoStatus("EOPNOTSUPP");
    }
    changeAttributes(node, attributes);
  }

  async makeFolder(path: string, { mode = 0o755 }: { mode?: number }): Promise<void> {
    const { folder, name, node, path: canonical } = this.#tree.find(path, { followLast: false });
    this.enter("makeFolder", { path: canonical });
    if (node) throw errnoStatus("EEXIST");
    folder.entries.set(name, newFolder({ mode, now: this.now() }));
  }

  async removeFolder(path: string): Promise<void> {
    const node = this.#enterAt("removeFolder", path, { followLast: false });
    if (node.kind !== "folder") throw errnoStatus("ENOTDIR");
    if (node.entries.size > 0) throw errnoStatus("ENOTEMPTY");
    this.#tree.unlink(path);
  }

  async removeFile(path: string): Promise<void> {
    const node = this.#enterAt("removeFile", path, { followLast: false });
    if (node.kind === "folder") throw errnoStatus("EISDIR");
    this.#tree.unlink(path);
  }

  async rename(from: string, to: string): Promise<void> {
    if (this.#lookUp(to, { followLast: false })) throw errnoStatus("EEXIST");
    await this.posixRename(from, to);
  }

  async posixRename(from: string, to: string): Promise<void> {
    this.#enterAt("rename", from, { followLast: false });
    this.#tree.move(from, to);
  }

  async readLink(path: string): Promise<string> {
    const node = this.#enterAt("readLink", path, { followLast: false });
    if (node.kind !== "link") throw errnoStatus("EINVAL");
    return node.target;
  }

  async symlink(target: string, path: string): Promise<void> {
    const { folder, name, node, path: canonical } = this.#tree.find(path, { followLast: false });
    this.enter("symlink", { path: canonical });
    if (node) throw errnoStatus("EEXIST");
    folder.entries.set(name, newLink(target, this.now()));
  }

  async hardLink(existing: string, path: string): Promise<void> {
    const source = this.#enterAt("hardLink", existing, { followLast: false });
    const { folder, name, node } = this.#tree.find(path, { followLast: false });
    if (source.kind === "folder") throw errnoStatus("EPERM");
    if (node) throw errnoStatus("EEXIST");
    source.linkCount++;
    folder.entries.set(name, source);
  }

  async realPath(path: string): Promise<string> {
    const place = this.#tree.find(path, { followLast: true });
    this.enter("realPath", { path: place.path });
    return place.path;
  }

  async homeFolder(user?: string): Promise<string | undefined> {
    return user === undefined ? this.#home : undefined;
  }

  async statVfs(path: string): Promise<StatVfs> {
    this.#enterAt("statVfs", path);
    return this.#statVfs();
  }

  async ownerNames({ uid, gid }: SftpStat): Promise<{ user: string; group: string }> {
    return { user: String(uid ?? 0), group: String(gid ?? 0) };
  }

  #host() {
    return {
      maxFileBytes: this.maxFileBytes,
      now: this.now,
      enter: this.enter.bind(this),
      statVfs: () => this.#statVfs(),
    };
  }

  #enterAt(operation: FileOperation, path: string, { followLast = true } = {}): MemoryNode {
    const { path: canonical, node } = this.#tree.find(path, { followLast });
    this.enter(operation, { path: canonical });
    if (!node) throw errnoStatus("ENOENT");
    return node;
  }

  #lookUp(path: string, { followLast = true } = {}): MemoryNode | undefined {
    try {
      return this.#tree.find(path, { followLast }).node;
    } catch {
      // A folder above it is missing or none: then nothing is there.
      return undefined;
    }
  }

  #statVfs(): StatVfs {
    let used = 0;
    for (const { stat } of this.list()) used += Math.ceil((stat.size ?? 0) / BLOCK_BYTES);
    const free = Math.max(0, DISK_BLOCKS - used);
    return {
      blockSize: BLOCK_BYTES,
      fragmentSize: BLOCK_BYTES,
      blocks: DISK_BLOCKS,
      freeBlocks: free,
      availableBlocks: free,
      files: DISK_BLOCKS,
      freeFiles: DISK_BLOCKS,
      availableFiles: DISK_BLOCKS,
      id: 0,
      flags: 0,
      maxNameLength: 255,
    };
  }
}
