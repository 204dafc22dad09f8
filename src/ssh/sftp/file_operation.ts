/** What can be done with the files of a `MemoryFileSystem`, as it tells of it. */
export const FILE_OPERATIONS = [
  "open",
  "read",
  "write",
  "readFolder",
  "stat",
  "lstat",
  "setAttributes",
  "makeFolder",
  "removeFolder",
  "removeFile",
  "rename",
  "readLink",
  "symlink",
  "hardLink",
  "realPath",
  "statVfs",
  "sync",
  "close",
] as const;

export type FileOperation = (typeof FILE_OPERATIONS)[number];

/** Where an operation is done. */
export interface OperationPlace {
  /** The canonical path. */
  readonly path: string;
  /** Of a read or a write: the byte of the file that it ends before. */
  readonly end?: number;
}
