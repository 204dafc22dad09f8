import { dirname, join, resolve } from "node:path";
import { AppError, describeError } from "../../base/errors.ts";
import { ensurePrivateFolder, writeFileAtomic } from "../../base/private_file.ts";

/** Links that the kernel follows at most (path_resolution(7)). */
const MAX_LINKS = 40;

/** A configuration file as it was when it was read. */
export interface ConfigFile {
  /** As it was named. */
  readonly path: string;
  /** Where it really is: what links lead to. The file itself need not exist. */
  readonly realPath: string;
  readonly exists: boolean;
  /** One character a byte, so that what is no UTF-8 comes back as it was. Empty when the file does not exist. */
  readonly binary: string;
  readonly info: Deno.FileInfo | undefined;
}

/** Reads a configuration file byte for byte. @throws AppError `config_invalid` when it cannot be read. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const realPath = await followLinks(path);
  try {
    const bytes = await Deno.readFile(realPath);
    return { path, realPath, exists: true, binary: toBinary(bytes), info: await Deno.stat(realPath) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return { path, realPath, exists: false, binary: "", info: undefined };
    }
    throw new AppError("config_invalid", `Cannot read ${JSON.stringify(path)}: ${describeError(error)}`, {
      cause: error,
    });
  }
}

/** Where `path` leads through links, whether or not a file is there. @throws AppError `config_invalid` for a circle. */
async function followLinks(path: string): Promise<string> {
  let at = resolve(path);
  for (let links = 0; links <= MAX_LINKS; links++) {
    const info = await Deno.lstat(at).catch(() => undefined);
    if (!info?.isSymlink) return info ? await Deno.realPath(at) : at;
    at = resolve(dirname(at), await Deno.readLink(at));
  }
  throw new AppError("config_invalid", `Cannot follow ${JSON.stringify(path)}: its links lead in a circle`);
}

/**
 * Replaces the file in one step; the mode and the owner stay, a link to it stays too. A new file is 0600, its folder 0700.
 *
 * @throws AppError `config_invalid` when it cannot be written; then nothing changed.
 */
export async function writeConfigFile({ path, realPath, info }: ConfigFile, binary: string): Promise<void> {
  const draft = `${realPath}.${Deno.pid}.${crypto.randomUUID().slice(0, 8)}.draft`;
  try {
    await ensurePrivateFolder(dirname(realPath));
    const mode = (info?.mode ?? 0o600) & 0o7777;
    if (!info || isOurs(info)) return await writeFileAtomic(realPath, fromBinary(binary), { mode });
    await writeFileAtomic(draft, fromBinary(binary), { mode: 0o600 });
    await Deno.chown(draft, info.uid, info.gid);
    await Deno.chmod(draft, mode);
    await Deno.rename(draft, realPath);
  } catch (error) {
    await Deno.remove(draft).catch(() => {/* it was renamed or never made: nothing is left either way */});
    throw new AppError("config_invalid", `Cannot write ${JSON.stringify(path)}: ${describeError(error)}`, {
      cause: error,
    });
  }
}

/** True when a file that we make has the same owner and group as this one. */
function isOurs({ uid, gid }: Deno.FileInfo): boolean {
  return Deno.build.os === "windows" || (uid === Deno.uid() && gid === Deno.gid());
}

/**
 * Keeps a copy of the file beside it, once: its path if this call made it, undefined if one was there. The copy is there
 * whole or not at all; the caller holds the lock.
 */
export async function backUpConfigFile({ path, exists, binary, info }: ConfigFile): Promise<string | undefined> {
  if (!exists) return undefined;
  const backup = join(
    dirname(resolve(path)),
    `${resolve(path).slice(dirname(resolve(path)).length + 1)}.porthole-backup`,
  );
  try {
    if (await isThere(backup)) return undefined;
    await writeFileAtomic(backup, fromBinary(binary), { mode: (info?.mode ?? 0o600) & 0o777 });
    return backup;
  } catch (error) {
    throw new AppError("config_invalid", `Cannot keep a backup at ${JSON.stringify(backup)}: ${describeError(error)}`, {
      cause: error,
    });
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Bytes as text of one character each. */
function toBinary(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 8192) parts.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
  return parts.join("");
}

function fromBinary(binary: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

/** Text as it is read for what its bytes say in UTF-8. */
export function binaryToText(binary: string): string {
  return new TextDecoder().decode(fromBinary(binary));
}

/** Text as one character for each byte of its UTF-8. */
export function textToBinary(text: string): string {
  return toBinary(new TextEncoder().encode(text));
}
