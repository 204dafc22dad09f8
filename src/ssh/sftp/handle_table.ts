import type { FolderEntry, MaybePromise, SftpFile } from "./file_system.ts";
import { StatusCode } from "./protocol.ts";
import { EXCLUSIVE, RequestOrder } from "./request_order.ts";
import { StatusError } from "./status_error.ts";

/** An open file, with what keeps its requests in order. */
export interface FileHandle {
  readonly kind: "file";
  readonly file: SftpFile;
  readonly order: RequestOrder;
}

/** An open folder, with the entries not sent yet. */
export interface FolderHandle {
  readonly kind: "folder";
  readonly path: string;
  readonly entries: AsyncIterator<FolderEntry>;
  readonly order: RequestOrder;
  /** The entry that did not fit into the last answer. */
  leftOver: FolderEntry | undefined;
  /** `.` and `..` as far as they were not sent yet. */
  readonly dots: string[];
}

/** What a handle stands for. */
export type Handle = FileHandle | FolderHandle;

/** The open files and folders of one client: bounded, and all closed at the end. */
export class HandleTable {
  readonly #handles = new Map<number, Handle>();
  readonly #maxHandles: number;
  #next = 1;

  constructor({ maxHandles }: { maxHandles: number }) {
    this.#maxHandles = maxHandles;
  }

  /** @throws StatusError `failure` when no more may be open. */
  assertRoom(): void {
    if (this.#handles.size >= this.#maxHandles) {
      throw new StatusError(StatusCode.failure, `Too many open handles: at most ${this.#maxHandles}`);
    }
  }

  /** Files `handle` under a new name of four bytes, which is not used again for another. */
  add(handle: Handle): Uint8Array {
    // 0 stays free: it is what a name that is not ours is looked up as.
    while (this.#next === 0 || this.#handles.has(this.#next)) this.#next = (this.#next + 1) >>> 0;
    const name = new Uint8Array(4);
    new DataView(name.buffer).setUint32(0, this.#next);
    this.#handles.set(this.#next, handle);
    this.#next = (this.#next + 1) >>> 0;
    return name;
  }

  /** @throws StatusError `failure` for a name that stands for nothing. */
  get(name: Uint8Array): Handle {
    const handle = this.#handles.get(idOf(name));
    if (!handle) throw new StatusError(StatusCode.failure, "Invalid handle");
    return handle;
  }

  /** @throws StatusError `failure` when it is not an open file. */
  file(name: Uint8Array): FileHandle {
    const handle = this.get(name);
    if (handle.kind !== "file") throw new StatusError(StatusCode.failure, "The handle is that of a directory");
    return handle;
  }

  /** @throws StatusError `failure` when it is not an open folder. */
  folder(name: Uint8Array): FolderHandle {
    const handle = this.get(name);
    if (handle.kind !== "folder") throw new StatusError(StatusCode.failure, "The handle is that of a file");
    return handle;
  }

  /** Forgets the handle at once and closes what it stood for. */
  close(name: Uint8Array): MaybePromise<void> {
    const handle = this.get(name);
    this.#handles.delete(idOf(name));
    return closeHandle(handle);
  }

  /** Closes everything; errors end with it, since nobody is left to hear of them. */
  async closeAll(): Promise<void> {
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    await Promise.allSettled(handles.map((handle) => handle.order.run(EXCLUSIVE, () => closeHandle(handle))));
  }
}

async function closeFolder(handle: FolderHandle): Promise<void> {
  await handle.entries.return?.();
}

function closeHandle(handle: Handle): MaybePromise<void> {
  return handle.kind === "file" ? handle.file.close() : closeFolder(handle);
}

function idOf(name: Uint8Array): number {
  if (name.length !== 4) return 0;
  return new DataView(name.buffer, name.byteOffset, 4).getUint32(0);
}
