import { AppError } from "../base/errors.ts";
import type { SSHTransferResult } from "./results.ts";

/** Options of every transfer. */
export interface TransferOptions {
  /** Takes whole folders; without it a folder is an error. */
  readonly recursive?: boolean;
  /** Permission bits in octal for every file, such as `0644`; those of the source unless given. */
  readonly mode?: string;
  /** Goes on where an earlier transfer of the same file stopped. */
  readonly resume?: boolean;
  /** Compares SHA-256 on both ends before the file takes its name. */
  readonly checksum?: boolean;
  /** For the transfer to or from each host, connecting not counted; none unless given. */
  readonly timeout?: string;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/** What a running transfer tells, host by host. */
export type TransferEvent =
  | { readonly type: "connected"; readonly host: string }
  /** Ten a second at most. */
  | {
    readonly type: "progress";
    readonly host: string;
    /** The source of the file that is under way. */
    readonly path: string;
    /** Of that file. */
    readonly doneBytes: number;
    readonly totalBytes: number;
    /** Of the whole transfer to or from this host, since it began. */
    readonly bytesPerSecond: number;
  }
  /** The last one of each host. */
  | { readonly type: "result"; readonly host: string; readonly result: SSHTransferResult };

/** Permission bits from octal text. @throws AppError `usage`. */
export function parseMode(mode: string | undefined): number | undefined {
  if (mode === undefined) return undefined;
  if (/^0?o?[0-7]{3,4}$/.test(mode)) return Number.parseInt(mode.replace(/^0?o/, ""), 8);
  throw new AppError("usage", `A mode must be octal such as "0644": got ${JSON.stringify(mode)}`);
}
