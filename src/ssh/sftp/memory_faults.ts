import { errnoStatus } from "./status_error.ts";

/** What can be made to fail in a `MemoryFileSystem`, and what it reports. */
export type FileOperation =
  | "open"
  | "read"
  | "write"
  | "readFolder"
  | "stat"
  | "lstat"
  | "setAttributes"
  | "makeFolder"
  | "removeFolder"
  | "removeFile"
  | "rename"
  | "readLink"
  | "symlink"
  | "hardLink"
  | "realPath"
  | "statVfs"
  | "sync"
  | "close";

/** A failure to come. */
export interface FileFault {
  /** The canonical path; absent for every path. */
  readonly path?: string;
  /** Absent for every operation. */
  readonly operation?: FileOperation;
  /** `ENOSPC`, `EACCES`, `EIO`, ... */
  readonly errno: string;
  /** Of a read or write: fails only what reaches beyond this many bytes of the file. */
  readonly afterBytes?: number;
  /** How many times it happens; for ever if absent. */
  readonly times?: number;
}

/** The failures that a test asked for. */
export class FaultList {
  #faults: { readonly fault: FileFault; left: number }[] = [];

  add(fault: FileFault): void {
    this.#faults.push({ fault, left: fault.times ?? Infinity });
  }

  clear(): void {
    this.#faults = [];
  }

  /** @throws StatusError of the first fault that fits. `end` is where a read or write ends. */
  check(operation: FileOperation, { path, end = Infinity }: { path: string; end?: number }): void {
    for (const entry of this.#faults) {
      const { fault } = entry;
      if (fault.path !== undefined && fault.path !== path) continue;
      if (fault.operation !== undefined && fault.operation !== operation) continue;
      if (entry.left <= 0 || end <= (fault.afterBytes ?? -1)) continue;
      entry.left--;
      throw errnoStatus(fault.errno);
    }
  }
}
