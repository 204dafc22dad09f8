import { AppError, describeError } from "./errors.ts";
import { shellQuote } from "./shell_quote.ts";

const OTHERS = 0o077;

/** Options of {@link writeFileAtomic}. */
export interface WriteFileOptions {
  /** Permission bits of the new file; 0600 unless told otherwise. */
  readonly mode?: number;
}

/**
 * Creates `path` and its parents as folders that only their owner can enter (0700). Leaves an existing folder as it is.
 *
 * @throws AppError `config_invalid` when it cannot be made.
 */
export async function ensurePrivateFolder(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw new AppError("config_invalid", `Cannot make the folder ${JSON.stringify(path)}: ${describeError(error)}`, {
      hint: "PORTHOLE_HOME, or HOME, must name a folder that you can write to",
      cause: error,
    });
  });
}

/** Replaces `path` with `content` in one step: written beside it, synced, renamed. A reader sees the old or the new whole. */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  { mode = 0o600 }: WriteFileOptions = {},
): Promise<void> {
  const temporary = `${path}.${Deno.pid}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    {
      using file = await Deno.open(temporary, { write: true, createNew: true, mode });
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      await file.sync();
    }
    // The mode of open() is cut by the umask; a file meant to be wider than 0600 needs it set.
    if (Deno.build.os !== "windows") await Deno.chmod(temporary, mode);
    await renameRetrying(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {/* it was renamed or never made: nothing is left either way */});
    throw error;
  }
}

/** Windows refuses to rename over a file that another process has open for a moment; elsewhere the first try decides. */
async function renameRetrying(from: string, to: string): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      return await Deno.rename(from, to);
    } catch (error) {
      if (Deno.build.os !== "windows" || attempt >= 10) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20 << Math.min(attempt, 4)));
    }
  }
}

/**
 * The text of a file that holds a secret, read only if nobody else can read it.
 *
 * @throws AppError `not_found`; `unsafe_file` when group or others have any access (not checked on Windows).
 */
export async function readPrivateFile(path: string, what = "file"): Promise<string> {
  using file = await Deno.open(path).catch((error: unknown) => {
    if (error instanceof Deno.errors.NotFound) {
      throw new AppError("not_found", `Cannot read the ${what} ${JSON.stringify(path)}: it does not exist`, {
        cause: error,
      });
    }
    throw new AppError("unsafe_file", `Cannot read the ${what} ${JSON.stringify(path)}: permission denied`, {
      cause: error,
    });
  });
  const { mode, isDirectory } = await file.stat();
  if (isDirectory) {
    throw new AppError("unsafe_file", `Cannot read the ${what} ${JSON.stringify(path)}: it is a folder`);
  }
  assertPrivateMode(path, { mode, what });
  return await new Response(file.readable).text();
}

/** @throws AppError `unsafe_file` with the `chmod` to run when `mode` lets group or others at the file. */
export function assertPrivateMode(path: string, { mode, what }: { mode: number | null; what: string }): void {
  if (Deno.build.os === "windows" || mode === null || (mode & OTHERS) === 0) return;
  const found = (mode & 0o777).toString(8).padStart(4, "0");
  throw new AppError(
    "unsafe_file",
    `The ${what} ${JSON.stringify(path)} must be readable by its owner alone (0600): its mode is ${found}`,
    {
      hint: `chmod 600 ${shellQuote(path)}`,
    },
  );
}
