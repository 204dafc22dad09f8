import { AppError } from "../base/errors.ts";
import type { AddFileOptions } from "../ssh/sftp/memory_file_system.ts";

/** Permission bits in octal (`0644`), or those and more. */
export type AddTestFileOptions = string | {
  /** `0644`. */
  readonly mode?: string;
  /** Seconds since 1970, or a date; now. */
  readonly mtime?: number | Date;
};

/** What the file system takes. @throws AppError `usage` for a mode that is not octal */
export function toFileOptions(options: AddTestFileOptions = {}): AddFileOptions {
  const { mode = "0644", mtime } = typeof options === "string" ? { mode: options } : options;
  if (!/^0?o?[0-7]{3,4}$/.test(mode)) {
    throw new AppError("usage", `A mode must be octal such as "0644": got ${JSON.stringify(mode)}`);
  }
  const bits = Number.parseInt(mode.replace(/^0?o/, ""), 8);
  if (mtime === undefined) return { mode: bits };
  return { mode: bits, mtime: typeof mtime === "number" ? mtime : Math.floor(mtime.getTime() / 1000) };
}
