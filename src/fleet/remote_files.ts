import type { ByteSink, ByteSource } from "../ssh/sftp/client_transfer.ts";

/** What there is at a remote path, links followed. */
export interface RemoteStat {
  readonly kind: "file" | "folder" | "other";
  readonly size: number;
  /** Permission bits; undefined where the server does not tell. */
  readonly mode: number | undefined;
  /** Seconds since 1970. */
  readonly mtime: number | undefined;
}

/** Options of a read or a write. */
export interface RemoteCopyOptions {
  readonly startAt: number;
  /** Of the whole file. */
  readonly size: number;
  /** True where what a broken write leaves must be whole up to its end, to be gone on with. */
  readonly inOrder?: boolean;
  readonly onProgress: (doneBytes: number) => void;
  readonly signal: AbortSignal | undefined;
}

/** The files of one host, over SFTP or over a shell: what transfers are written against. */
export interface RemoteFiles extends AsyncDisposable {
  readonly via: "sftp" | "cat";
  /** Null when there is nothing. */
  stat(path: string): Promise<RemoteStat | null>;
  /** Names in a folder, without `.` and `..`. @throws AppError for a name that cannot be asked for. */
  list(path: string): Promise<string[]>;
  /** Makes a folder and those above it, as far as they are missing; true when it was not there. */
  makeFolder(path: string): Promise<boolean>;
  /** Writes the bytes from `startAt` on into `sink`, in order. */
  read(path: string, sink: ByteSink, options: RemoteCopyOptions): Promise<void>;
  /** Writes `source` from `startAt` on; without it the file is made anew, for its owner alone. */
  write(path: string, source: ByteSource, options: RemoteCopyOptions): Promise<void>;
  setAttributes(path: string, attributes: { mode: number | undefined; mtime: number | undefined }): Promise<void>;
  /** Renames over what is there. */
  replace(from: string, to: string): Promise<void>;
  /** Removes a file; nothing happens when there is none. Also once the call was cancelled. */
  remove(path: string): Promise<void>;
}
