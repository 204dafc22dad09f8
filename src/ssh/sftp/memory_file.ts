import type { SftpAttributes, SftpStat } from "./attributes.ts";
import type { OpenOptions, SftpFile } from "./file_system.ts";
import type { StatVfs } from "./stat_vfs.ts";
import type { FileOperation, OperationPlace } from "./file_operation.ts";
import { changeAttributes, type FileNode, resizeFile, statOf } from "./memory_node.ts";
import { errnoStatus } from "./status_error.ts";

/** What an open file needs of the file system it is part of. */
export interface MemoryFileHost {
  readonly maxFileBytes: number;
  now(): number;
  /** Tells of an operation to come; what it throws comes of it. */
  enter(operation: FileOperation, place: OperationPlace): void;
  statVfs(): StatVfs;
}

/** A file of a `MemoryFileSystem`, open. It stays readable after its name is gone. */
export class MemoryFile implements SftpFile {
  readonly #node: FileNode;
  readonly #path: string;
  readonly #options: OpenOptions;
  readonly #host: MemoryFileHost;
  #isClosed = false;

  constructor(node: FileNode, { path, options, host }: { path: string; options: OpenOptions; host: MemoryFileHost }) {
    this.#node = node;
    this.#path = path;
    this.#options = options;
    this.#host = host;
  }

  read(into: Uint8Array, position: number): number {
    this.#assertOpen(this.#options.read);
    const end = Math.min(this.#node.size, position + into.length);
    this.#host.enter("read", { path: this.#path, end });
    if (position >= end) return 0;
    into.set(this.#node.content.subarray(position, end));
    return end - position;
  }

  write(bytes: Uint8Array, position: number): void {
    this.#assertOpen(this.#options.write);
    const start = this.#options.append ? this.#node.size : position;
    const end = start + bytes.length;
    this.#host.enter("write", { path: this.#path, end });
    if (end > this.#node.size) resizeFile(this.#node, { size: end, maxBytes: this.#host.maxFileBytes });
    this.#node.content.set(bytes, start);
    this.#node.mtime = this.#host.now();
  }

  stat(): SftpStat {
    this.#assertOpen(true);
    this.#host.enter("stat", { path: this.#path });
    return statOf(this.#node);
  }

  setAttributes(attributes: SftpAttributes): void {
    this.#assertOpen(true);
    this.#host.enter("setAttributes", { path: this.#path });
    if (attributes.size !== undefined) {
      this.#assertOpen(this.#options.write);
      resizeFile(this.#node, { size: attributes.size, maxBytes: this.#host.maxFileBytes });
      this.#node.mtime = this.#host.now();
    }
    changeAttributes(this.#node, attributes);
  }

  // deno-lint-ignore require-await -- a failure is to be a rejection
  async sync(): Promise<void> {
    this.#assertOpen(true);
    this.#host.enter("sync", { path: this.#path });
  }

  // deno-lint-ignore require-await -- a failure is to be a rejection
  async statVfs(): Promise<StatVfs> {
    this.#assertOpen(true);
    this.#host.enter("statVfs", { path: this.#path });
    return this.#host.statVfs();
  }

  close(): void {
    this.#assertOpen(true);
    this.#isClosed = true;
    this.#host.enter("close", { path: this.#path });
  }

  #assertOpen(isAllowed: boolean): void {
    if (this.#isClosed || !isAllowed) throw errnoStatus("EBADF");
  }
}
