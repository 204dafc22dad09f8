import { dirname } from "node:path";
import { AppError, describeError } from "../../base/errors.ts";
import { lockFile } from "../../base/file_lock.ts";
import { ensurePrivateFolder, writeFileAtomic } from "../../base/private_file.ts";
import { shellQuote } from "../../base/shell_quote.ts";

/** Group or others may write: they could put another file there. The sticky bit, as /tmp has it, forbids that. */
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/**
 * Puts a whole file at `path` unless something is there already; true when it was put there by this call.
 *
 * Of any number of processes one wins, and nobody ever sees a part of it. Needs no lock and leaves none.
 * @throws AppError `config_invalid` when the folder cannot be written.
 */
export async function placeFile(
  path: string,
  { content, mode }: { readonly content: string; readonly mode: number },
): Promise<boolean> {
  const draft = `${path}.${Deno.pid}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    await writeFileAtomic(draft, content, { mode });
    return await linkOrRename(draft, path);
  } catch (error) {
    throw error instanceof AppError ? error : cannotWrite(path, error);
  } finally {
    await Deno.remove(draft).catch(() => {/* it was renamed or never made: nothing is left either way */});
  }
}

/** link(2) fails where a file is, which rename(2) would replace. */
async function linkOrRename(draft: string, path: string): Promise<boolean> {
  try {
    await Deno.link(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
  }
  // File systems without hard links (FAT, some shared folders): a lock, which there has to stay behind.
  using _lock = await lockFile(`${path}.lock`);
  if (await Deno.lstat(path).catch(ignoreNotFound)) return false;
  await Deno.rename(draft, path);
  return true;
}

/**
 * Makes the folder of `path`, 0700 with every parent that is missing.
 *
 * @throws AppError `config_invalid` when it cannot be made; `unsafe_file` when others can write into it.
 */
export async function preparePrivateFolderOf(path: string): Promise<void> {
  const folder = dirname(path);
  try {
    await ensurePrivateFolder(folder);
  } catch (error) {
    throw cannotWrite(path, error);
  }
  const { mode, isDirectory } = await Deno.stat(folder);
  if (!isDirectory) throw cannotWrite(path, new Error(`${JSON.stringify(folder)} is no folder`));
  if (Deno.build.os === "windows" || mode === null || mode & STICKY || !(mode & WRITABLE_BY_OTHERS)) return;
  throw new AppError(
    "unsafe_file",
    `The folder ${JSON.stringify(folder)} must be writable by its owner alone (0700): its mode is ${
      (mode & 0o7777).toString(8).padStart(4, "0")
    }`,
    { hint: `chmod 700 ${shellQuote(folder)}` },
  );
}

/** Undefined for a file that is not there, nor could be; every other error goes on. */
export function ignoreNotFound(error: unknown): undefined {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
  throw error;
}

function cannotWrite(path: string, error: unknown): AppError {
  return new AppError("config_invalid", `Cannot write ${JSON.stringify(path)}: ${describeError(error)}`, {
    hint: "Choose a folder that you can write: set PORTHOLE_HOME, or name the file with --path",
    cause: error,
  });
}
