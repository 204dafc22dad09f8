import type { AppError } from "../base/errors.ts";
import type { HostError } from "./host_error.ts";

/** What is told of every host, whatever was done there. */
export interface HostResult {
  /** As the caller named it. */
  readonly host: string;
  readonly ok: boolean;
  /** True when nothing was done, on request. */
  readonly dryRun: boolean;
  /** Why there is no good result; missing for a command that just exited with another status than 0. */
  readonly error?: HostError;
  readonly durationMs: number;
}

/** What a command did on one host. */
export interface SSHResult extends HostResult {
  /** The command line as it was (or would be) sent. */
  readonly command: string;
  /** At most `maxOutputBytes` of it, from the beginning; invalid UTF-8 is replaced. */
  readonly stdout: string;
  readonly stderr: string;
  /** The remote exit status; null when there is none, because of `error` or a signal. */
  readonly code: number | null;
  /** `SIGTERM`, when one ended the command. */
  readonly signal?: string;
  /** The file that holds all of stdout, when it was more than is kept in memory. */
  readonly stdoutFile?: string;
  readonly stderrFile?: string;
  /** True when the rest of an output was dropped (`longOutput: "truncate"`). */
  readonly truncated?: boolean;
}

/** What several commands, one after another over one connection, did on one host. */
export interface SSHBatchResult extends HostResult {
  /** True when a step failed and those behind it were not run. */
  readonly stoppedEarly: boolean;
  readonly steps: readonly SSHResult[];
}

/** What a transfer to or from one host came to. */
export interface SSHTransferResult extends HostResult {
  /** Bytes of file content that went over the wire: less than the files' sizes where one was resumed. */
  readonly bytes: number;
  /** Regular files that are complete at the destination. */
  readonly files: number;
  readonly src: string;
  /** Where it went; with several hosts the local name differs from host to host. */
  readonly dst: string;
  /** `cat` where the far end has no SFTP. */
  readonly via: "sftp" | "cat";
  /** What is neither a file nor a folder, or a link to nowhere: it was left out. */
  readonly skipped?: readonly string[];
  /** SHA-256 in hexadecimal by path, with `checksum`. */
  readonly checksums?: Readonly<Record<string, string>>;
}

/** A value or the error in its place: what the `try` twins return. */
export type Result<T> =
  | { readonly ok: true; readonly value: T; readonly error?: undefined }
  | { readonly ok: false; readonly error: AppError; readonly value?: undefined };
