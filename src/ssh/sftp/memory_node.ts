import type { SftpAttributes, SftpStat } from "./attributes.ts";
import { FileType } from "./protocol.ts";
import { errnoStatus } from "./status_error.ts";

/** What every kind of node has. Times are seconds since 1970. */
interface NodeBase {
  /** Permission bits alone. */
  mode: number;
  uid: number;
  gid: number;
  atime: number;
  mtime: number;
  linkCount: number;
}

/** A regular file; `content` may be longer than `size`, which is how it grows without being copied at each write. */
export interface FileNode extends NodeBase {
  readonly kind: "file";
  content: Uint8Array;
  size: number;
}

/** A folder. */
export interface FolderNode extends NodeBase {
  readonly kind: "folder";
  readonly entries: Map<string, MemoryNode>;
}

/** A symbolic link. */
export interface LinkNode extends NodeBase {
  readonly kind: "link";
  readonly target: string;
}

/** Anything that has a name in a {@link MemoryTree}. */
export type MemoryNode = FileNode | FolderNode | LinkNode;

const TYPE_OF = { file: FileType.regular, folder: FileType.folder, link: FileType.symlink } as const;

/** What a new node gets unless told otherwise. */
export interface NewNodeOptions {
  readonly mode: number;
  /** Seconds since 1970. */
  readonly now: number;
}

/** An empty file. */
export function newFile({ mode, now }: NewNodeOptions): FileNode {
  return { kind: "file", content: new Uint8Array(0), size: 0, ...base(mode, now) };
}

/** An empty folder. */
export function newFolder({ mode, now }: NewNodeOptions): FolderNode {
  return { kind: "folder", entries: new Map(), ...base(mode, now) };
}

/** A link whose target need not exist. */
export function newLink(target: string, now: number): LinkNode {
  return { kind: "link", target, ...base(0o777, now) };
}

function base(mode: number, now: number): NodeBase {
  return { mode: mode & 0o7777, uid: 0, gid: 0, atime: now, mtime: now, linkCount: 1 };
}

/** The attributes of `node` as lstat tells them. */
export function statOf(node: MemoryNode): SftpStat {
  const { uid, gid, atime, mtime, linkCount } = node;
  return { size: sizeOf(node), mode: node.mode | TYPE_OF[node.kind], uid, gid, atime, mtime, linkCount };
}

function sizeOf(node: MemoryNode): number {
  if (node.kind === "file") return node.size;
  return node.kind === "link" ? new TextEncoder().encode(node.target).length : 4096;
}

/** Changes what `attributes` names, but the size. */
export function changeAttributes(node: MemoryNode, { mode, uid, gid, atime, mtime }: SftpAttributes): void {
  if (mode !== undefined) node.mode = mode & 0o7777;
  if (uid !== undefined && gid !== undefined) {
    node.uid = uid;
    node.gid = gid;
  }
  if (mtime !== undefined) {
    node.atime = atime ?? mtime;
    node.mtime = mtime;
  }
}

/** Cuts or extends (with zeros) to `size`. @throws StatusError ENOSPC past `maxBytes`. */
export function resizeFile(file: FileNode, { size, maxBytes }: { size: number; maxBytes: number }): void {
  if (size > maxBytes) throw errnoStatus("ENOSPC");
  if (size > file.content.length) {
    const grown = new Uint8Array(Math.min(maxBytes, Math.max(size, file.content.length * 2)));
    grown.set(file.content.subarray(0, file.size));
    file.content = grown;
  } else if (size < file.size) {
    file.content.fill(0, size, file.size);
  }
  file.size = size;
}
