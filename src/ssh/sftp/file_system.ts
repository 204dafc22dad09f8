import type { SftpAttributes, SftpStat } from "./attributes.ts";
import type { StatVfs } from "./stat_vfs.ts";

/** How a file is to be opened; names as in OPEN's pflags (draft-ietf-secsh-filexfer-02, 6.3). */
export interface OpenOptions {
  readonly read: boolean;
  readonly write: boolean;
  readonly append: boolean;
  readonly create: boolean;
  readonly truncate: boolean;
  /** With `create`: fails when the file exists. */
  readonly exclusive: boolean;
  /** Permission bits of a new file, before the umask; 0666 if absent. */
  readonly mode?: number;
}

/** One entry of a folder. */
export interface FolderEntry {
  readonly name: string;
  /** Of the entry itself, not of what a link points to. */
  readonly stat: SftpStat;
}

/** A value now or later: work that can be done at once is not made to wait for a turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * An open file. Calls for one file come one at a time where they could disturb each other: reads may overlap reads,
 * nothing overlaps a write or a change of attributes.
 */
export interface SftpFile {
  /** Fills `into` from `position` as far as the file goes; returns how many bytes, 0 at the end. Owns `into` until it settles. */
  read(into: Uint8Array, position: number): MaybePromise<number>;
  /** Writes all of `bytes` at `position` (at the end, if opened to append). `bytes` is the caller's as soon as this returns. */
  write(bytes: Uint8Array, position: number): MaybePromise<void>;
  stat(): MaybePromise<SftpStat>;
  /** A size cuts or extends the file. */
  setAttributes(attributes: SftpAttributes): MaybePromise<void>;
  /** Resolves once the data is on the disk. */
  sync(): Promise<void>;
  statVfs(): Promise<StatVfs>;
  close(): MaybePromise<void>;
}

/**
 * What the SFTP and scp servers need of a file system. Paths are absolute, with `/`, and not normalised: `..` behind
 * a symbolic link means what it means to the system. Failures are thrown as StatusError, or as errors with an errno
 * name in `code`.
 */
export interface SftpFileSystem {
  open(path: string, options: OpenOptions): Promise<SftpFile>;
  /** The entries without `.` and `..`; whoever iterates may stop early. */
  readFolder(path: string): AsyncIterable<FolderEntry>;
  stat(path: string): Promise<SftpStat>;
  /** As {@link stat}, of a symbolic link itself. */
  lstat(path: string): Promise<SftpStat>;
  setAttributes(path: string, attributes: SftpAttributes): Promise<void>;
  /** As {@link setAttributes}, on a symbolic link itself (owner and times; a mode or size is refused). */
  setLinkAttributes(path: string, attributes: SftpAttributes): Promise<void>;
  makeFolder(path: string, options: { mode?: number }): Promise<void>;
  removeFolder(path: string): Promise<void>;
  removeFile(path: string): Promise<void>;
  /** Fails when `to` exists, as version 3 asks (6.5). */
  rename(from: string, to: string): Promise<void>;
  /** Replaces `to` in one step, as rename(2). */
  posixRename(from: string, to: string): Promise<void>;
  readLink(path: string): Promise<string>;
  /** Makes `path` a symbolic link with the text `target`. */
  symlink(target: string, path: string): Promise<void>;
  hardLink(existing: string, path: string): Promise<void>;
  /** The canonical path; the last component may be missing. */
  realPath(path: string): Promise<string>;
  /** The home folder of `user`, or of the server's own user; undefined when there is none. */
  homeFolder(user?: string): Promise<string | undefined>;
  statVfs(path: string): Promise<StatVfs>;
  /** Names for the long form of listings; a number stands for an unknown one. */
  ownerNames(stat: SftpStat): Promise<{ readonly user: string; readonly group: string }>;
}
