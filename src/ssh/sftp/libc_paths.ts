import os from "node:os";
import { decodePath, encodePath } from "./byte_path.ts";
import { errnoStatus, StatusError } from "./status_error.ts";

/** The calls of libc that take a path as bytes, which the runtime's own do not. Linux alone. */
export interface LibcPaths extends Disposable {
  open(path: string, options: { flags: number; mode?: number }): number;
  close(descriptor: number): void;
  rename(from: string, to: string): void;
  link(existing: string, path: string): void;
  symlink(target: string, path: string): void;
  unlink(path: string): void;
  makeFolder(path: string, mode: number): void;
  removeFolder(path: string): void;
  readLink(path: string): string;
  /** Without `.` and `..`. */
  names(folder: string): string[];
}

/** Flags of open(2) that `node:fs` does not name (Linux `asm-generic/fcntl.h`; the same on x86-64 and arm64). */
export const LinuxFlag = { path: 0o10000000, closeOnExec: 0o2000000 } as const;

const SYMBOLS = {
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  rename: { parameters: ["buffer", "buffer"], result: "i32" },
  link: { parameters: ["buffer", "buffer"], result: "i32" },
  symlink: { parameters: ["buffer", "buffer"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  rmdir: { parameters: ["buffer"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  opendir: { parameters: ["buffer"], result: "pointer" },
  readdir: { parameters: ["pointer"], result: "pointer" },
  closedir: { parameters: ["pointer"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** `struct dirent` of 64-bit glibc: where the length of the record and the name stand. */
const DIRENT_LENGTH_AT = 16;
const DIRENT_NAME_AT = 19;
const MAX_PATH_BYTES = 4096;

/**
 * Opens libc. Dispose it soon: it is opened for each rare use instead of being held.
 *
 * @throws StatusError `failure` where there is no glibc, or this process may not call it.
 */
export function openLibc(): LibcPaths {
  let library: Deno.DynamicLibrary<typeof SYMBOLS>;
  try {
    if (Deno.build.os !== "linux") throw new Deno.errors.NotSupported();
    library = Deno.dlopen("libc.so.6", SYMBOLS);
  } catch (cause) {
    throw new StatusError(4, "Names that are not UTF-8 are not supported by this server", { cause });
  }
  const { symbols } = library;
  const check = (result: number | bigint) => {
    if (result < 0) throw errnoStatus(errnoName(symbols.__errno_location()));
    return Number(result);
  };
  return {
    open: (path, { flags, mode = 0 }) => check(symbols.open(toCString(path), flags, mode)),
    close: (descriptor) => void symbols.close(descriptor),
    rename: (from, to) => void check(symbols.rename(toCString(from), toCString(to))),
    link: (existing, path) => void check(symbols.link(toCString(existing), toCString(path))),
    symlink: (target, path) => void check(symbols.symlink(toCString(target), toCString(path))),
    unlink: (path) => void check(symbols.unlink(toCString(path))),
    makeFolder: (path, mode) => void check(symbols.mkdir(toCString(path), mode)),
    removeFolder: (path) => void check(symbols.rmdir(toCString(path))),
    readLink(path) {
      const target = new Uint8Array(MAX_PATH_BYTES);
      const length = check(symbols.readlink(toCString(path), target, BigInt(target.length)));
      return decodePath(target.subarray(0, length));
    },
    names(folder) {
      const opened = symbols.opendir(toCString(folder));
      if (!opened) throw errnoStatus(errnoName(symbols.__errno_location()));
      const names: string[] = [];
      for (let entry = symbols.readdir(opened); entry; entry = symbols.readdir(opened)) names.push(entryName(entry));
      symbols.closedir(opened);
      return names.filter((name) => name !== "." && name !== "..");
    },
    [Symbol.dispose]: () => library.close(),
  };
}

function toCString(path: string): Uint8Array<ArrayBuffer> {
  const bytes = encodePath(path);
  const terminated = new Uint8Array(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}

function entryName(entry: NonNullable<Deno.PointerValue>): string {
  const view = new Deno.UnsafePointerView(entry);
  const record = new Uint8Array(view.getArrayBuffer(view.getUint16(DIRENT_LENGTH_AT)));
  return decodePath(record.slice(DIRENT_NAME_AT, record.indexOf(0, DIRENT_NAME_AT)));
}

function errnoName(location: Deno.PointerValue): string {
  const number = location ? new Deno.UnsafePointerView(location).getInt32() : 0;
  const found = Object.entries(os.constants.errno).find(([, value]) => value === number);
  return found?.[0] ?? `E${number}`;
}
