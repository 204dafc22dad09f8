import { type FolderNode, type MemoryNode, newFolder } from "./memory_node.ts";
import { errnoStatus } from "./status_error.ts";

/** As many links as Linux follows in one path. */
const MAX_LINKS = 40;
/** POSIX NAME_MAX of the file systems in use. */
const MAX_NAME_LENGTH = 255;

/** Where a path leads: a folder, a name in it, and what has the name, if anything does. */
export interface Place {
  readonly folder: FolderNode;
  /** Empty for the root itself. */
  readonly name: string;
  readonly node: MemoryNode | undefined;
  /** Canonical. */
  readonly path: string;
}

/** Folders and names in memory, with links followed as a POSIX system does. */
export class MemoryTree {
  readonly root: FolderNode;

  constructor({ now }: { now: number }) {
    this.root = newFolder({ mode: 0o755, now });
  }

  /**
   * The place of `path`, whose last component may be missing.
   * @throws StatusError ENOENT, ENOTDIR, ELOOP or ENAMETOOLONG.
   */
  find(path: string, { followLast }: { followLast: boolean }): Place {
    let trail: { name: string; folder: FolderNode }[] = [];
    let links = 0;
    const todo = componentsOf(path);
    while (todo.length > 0) {
      const name = todo.shift() ?? "";
      if (name.length > MAX_NAME_LENGTH) throw errnoStatus("ENAMETOOLONG");
      const folder = trail.at(-1)?.folder ?? this.root;
      if (name === "..") {
        trail.pop();
        continue;
      }
      const node = folder.entries.get(name);
      const isLast = todo.length === 0;
      if (node?.kind === "link" && (!isLast || followLast || path.endsWith("/"))) {
        if (++links > MAX_LINKS) throw errnoStatus("ELOOP");
        if (node.target.startsWith("/")) trail = [];
        todo.unshift(...componentsOf(node.target));
        continue;
      }
      if (isLast) return { folder, name, node, path: `/${[...trail.map((each) => each.name), name].join("/")}` };
      if (!node) throw errnoStatus("ENOENT");
      if (node.kind !== "folder") throw errnoStatus("ENOTDIR");
      trail.push({ name, folder: node });
    }
    return this.#placeOfFolder(trail);
  }

  /** What is at `path`. @throws StatusError as {@link find}, and ENOENT when nothing is. */
  get(path: string, { followLast }: { followLast: boolean }): { node: MemoryNode; path: string } {
    const { node, path: canonical } = this.find(path, { followLast });
    if (!node) throw errnoStatus("ENOENT");
    return { node, path: canonical };
  }

  /** The folder at `path`. @throws StatusError as {@link get}, and ENOTDIR. */
  folder(path: string): FolderNode {
    const { node } = this.get(path, { followLast: true });
    if (node.kind !== "folder") throw errnoStatus("ENOTDIR");
    return node;
  }

  /** Takes the name away; what it stood for lives on in its other names and in open files. */
  unlink(path: string): void {
    const { folder, name, node } = this.find(path, { followLast: false });
    if (name === "" || !node) throw errnoStatus("EBUSY");
    node.linkCount--;
    folder.entries.delete(name);
  }

  /** As rename(2): replaces a file by a file, an empty folder by a folder. */
  move(from: string, to: string): void {
    const { node } = this.get(from, { followLast: false });
    const source = this.find(from, { followLast: false });
    const target = this.find(to, { followLast: false });
    if (target.node === node) return;
    if (source.name === "" || target.path.startsWith(`${source.path}/`)) throw errnoStatus("EINVAL");
    if (target.node?.kind === "folder") {
      if (node.kind !== "folder") throw errnoStatus("EISDIR");
      if (target.node.entries.size > 0) throw errnoStatus("ENOTEMPTY");
    } else if (target.node && node.kind === "folder") throw errnoStatus("ENOTDIR");
    source.folder.entries.delete(source.name);
    target.folder.entries.set(target.name, node);
  }

  /** A path that ended in `..`, or was nothing but slashes: the folder is its own node. */
  #placeOfFolder(trail: readonly { name: string; folder: FolderNode }[]): Place {
    const last = trail.at(-1);
    return {
      folder: trail.at(-2)?.folder ?? this.root,
      name: last?.name ?? "",
      node: last?.folder ?? this.root,
      path: `/${trail.map((each) => each.name).join("/")}`,
    };
  }
}

function componentsOf(path: string): string[] {
  return path.split("/").filter((each) => each !== "" && each !== ".");
}
