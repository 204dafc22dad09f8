import { posix } from "node:path";
import type { OpenOptions, SftpFile } from "../ssh/sftp/file_system.ts";
import type { FileOperation, OperationPlace } from "../ssh/sftp/file_operation.ts";
import { type AddFileOptions, MemoryFileSystem, type MemoryFileSystemOptions } from "../ssh/sftp/memory_file_system.ts";
import { errnoStatus } from "../ssh/sftp/status_error.ts";
import type { FaultOf, FaultSet } from "./faults.ts";

/** A file as {@link VirtualFiles.uploaded} tells it. */
export interface UploadedFile {
  readonly path: string;
  /** As UTF-8; see `bytes` for what is no text. */
  readonly content: string;
  readonly bytes: Uint8Array;
  /** Permission bits in octal, `0644`. */
  readonly mode: string;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** Options of {@link VirtualFiles}. */
export interface VirtualFilesOptions extends MemoryFileSystemOptions {
  readonly faults: FaultSet;
  /** Whether a file may be written where its folder is missing, which is made then. */
  readonly createsFolders: boolean;
}

/** Files in memory that remember which of them clients wrote, also under the names that they were given later. */
export class VirtualFiles extends MemoryFileSystem {
  /** Canonical paths. */
  readonly #uploads = new Set<string>();
  readonly #home: string;
  readonly #createsFolders: boolean;

  constructor({ home = "/", createsFolders, faults, onOperation, ...options }: VirtualFilesOptions) {
    super({
      ...options,
      home,
      onOperation(operation, place) {
        onOperation?.(operation, place);
        const fault = faults.take("file-error", (each) => concerns(each, { operation, ...place }));
        if (fault) throw errnoStatus(fault.errno);
      },
    });
    this.#home = home;
    this.#createsFolders = createsFolders;
  }

  /** What a client wrote to `path`, which may be relative to the home; undefined when none did. */
  uploaded(path: string): UploadedFile | undefined {
    const asked = this.#absolute(path);
    const bytes = this.content(asked);
    if (!bytes) return undefined;
    const place = this.canonical(asked);
    if (!this.#uploads.has(place)) return undefined;
    const { mode = 0, mtime = 0 } = this.entry(place) ?? {};
    return {
      path,
      content: new TextDecoder().decode(bytes),
      bytes,
      mode: `0${(mode & 0o777).toString(8).padStart(3, "0")}`,
      mtime,
    };
  }

  /** The paths of all that clients wrote and that is still there. */
  get uploads(): string[] {
    return [...this.#uploads];
  }

  override async open(path: string, options: OpenOptions): Promise<SftpFile> {
    if (options.create && this.#createsFolders) this.#makeFolderOf(path);
    const file = await super.open(path, options);
    if (options.write) this.#uploads.add(this.canonical(path));
    return file;
  }

  override async makeFolder(path: string, options: { mode?: number }): Promise<void> {
    if (this.#createsFolders) this.#makeFolderOf(path);
    await super.makeFolder(path, options);
  }

  override async posixRename(from: string, to: string): Promise<void> {
    if (this.#createsFolders) this.#makeFolderOf(to);
    const source = this.canonical(from, { followLast: false });
    const target = this.canonical(to, { followLast: false });
    this.enter("rename", { path: target });
    await super.posixRename(from, to);
    for (const path of [...this.#uploads]) {
      if (path !== source && !path.startsWith(`${source}/`)) continue;
      this.#uploads.delete(path);
      this.#uploads.add(target + path.slice(source.length));
    }
  }

  override async removeFile(path: string): Promise<void> {
    const place = this.canonical(path, { followLast: false });
    await super.removeFile(path);
    this.#uploads.delete(place);
  }

  /** A test's own file is no upload, also where a client had written before. `path` may be relative to the home. */
  override addFile(path: string, content: string | Uint8Array, options?: AddFileOptions): void {
    const place = this.#absolute(path);
    super.addFile(place, content, options);
    this.#uploads.delete(this.canonical(place));
  }

  #absolute(path: string): string {
    return path.startsWith("/") ? path : `${this.#home}/${path.replace(/^~\//, "")}`;
  }

  #makeFolderOf(path: string): void {
    try {
      this.addFolder(posix.dirname(path));
    } catch {
      // A file stands in the way: what was to be done next says so to the client.
    }
  }
}

/** What fails of writing when a disk is full. */
const WRITING: readonly FileOperation[] = ["write"];
/** What does not touch a file. */
const LOOKING: readonly FileOperation[] = ["stat", "lstat", "realPath", "readLink", "close", "statVfs"];

function concerns(
  { errno, path: within, operation: only, afterBytes = -1 }: FaultOf<"file-error">,
  { operation, path, end }: OperationPlace & { readonly operation: FileOperation },
): boolean {
  if (within !== undefined && path !== within && !path.startsWith(`${within.replace(/\/$/, "")}/`)) return false;
  if (end !== undefined && end <= afterBytes) return false;
  if (only !== undefined) return operation === only;
  return /^(?:ENOSPC|EDQUOT)$/.test(errno) ? WRITING.includes(operation) : !LOOKING.includes(operation);
}
