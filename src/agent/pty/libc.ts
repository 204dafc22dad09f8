import { AppError } from "../../base/errors.ts";

/** Which of the two families of constants and layouts holds. */
export const IS_MAC = Deno.build.os === "darwin";

const IS_APPLE_ARM = IS_MAC && Deno.build.arch === "aarch64";

// ioctl is variadic, and Apple's arm64 passes variadic arguments on the stack: behind eight that fill the registers.
const IOCTL_PARAMETERS = IS_APPLE_ARM
  ? ["i32", "u64", "u64", "u64", "u64", "u64", "u64", "u64", "buffer"] as const
  : ["i32", "u64", "buffer"] as const;

const SYMBOLS = {
  posix_openpt: { parameters: ["i32"], result: "i32" },
  grantpt: { parameters: ["i32"], result: "i32" },
  unlockpt: { parameters: ["i32"], result: "i32" },
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  ioctl: { parameters: IOCTL_PARAMETERS, result: "i32" },
  tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
  tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  tcsendbreak: { parameters: ["i32", "i32"], result: "i32" },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_addopen: { parameters: ["buffer", "i32", "buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_setsigmask: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawn: { parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  pipe: { parameters: ["buffer"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  errno: { name: IS_MAC ? "__error" : "__errno_location", parameters: [], result: "pointer" },
} as const;

/** The C library's functions that a pseudo-terminal needs. */
export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>;

/** Opens the C library; the caller closes it. @throws AppError `internal` where there is none that we know. */
export function openLibc(): Libc {
  const path = IS_MAC ? "/usr/lib/libSystem.B.dylib" : "libc.so.6";
  try {
    return Deno.dlopen(path, SYMBOLS);
  } catch (error) {
    throw new AppError("internal", `Cannot open the C library ${JSON.stringify(path)}: no terminal can be given`, {
      hint: "Commands without a terminal work: ssh -T",
      cause: error,
    });
  }
}

/** errno of the last call that failed. Ask at once. */
export function errno({ symbols }: Libc): number {
  const location = symbols.errno();
  return location === null ? 0 : new Deno.UnsafePointerView(location).getInt32();
}

/** `ioctl` with a pointer behind the request. */
export function ioctl({ symbols }: Libc, { fd, request, data }: { fd: number; request: bigint; data: BufferSource }) {
  const call = symbols.ioctl as unknown as (...args: Array<number | bigint | BufferSource>) => number;
  return IS_APPLE_ARM ? call(fd, request, 0n, 0n, 0n, 0n, 0n, 0n, data) : call(fd, request, data);
}

/** `text` as C wants it, with a zero behind. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(text);
  const terminated = new Uint8Array(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}

/** A NULL-terminated array of C strings. `strings` must be kept as long as `pointers` is in use. */
export function cStringArray(texts: readonly string[]) {
  const strings = texts.map(cString);
  const pointers = new BigUint64Array(strings.length + 1);
  strings.forEach((string, index) => pointers[index] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(string)));
  return { pointers, strings };
}
