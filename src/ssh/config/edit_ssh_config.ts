import { dirname } from "node:path";
import { AppError } from "../../base/errors.ts";
import { lockFile } from "../../base/file_lock.ts";
import { ensurePrivateFolder } from "../../base/private_file.ts";
import {
  backUpConfigFile,
  binaryToText,
  type ConfigFile,
  readConfigFile,
  textToBinary,
  writeConfigFile,
} from "./config_file.ts";
import { editSections, findSections, type SectionEdits } from "./managed_sections.ts";
import { unifiedDiff } from "./unified_diff.ts";

/** Somebody without our lock, such as an editor, may write in between: we look again this often. */
const ATTEMPTS = 5;

/** What is to happen to one ssh_config file. */
export interface EditSshConfigOptions {
  readonly upsert?: SectionEdits["upsert"];
  readonly remove?: SectionEdits["remove"];
  /** Tells what would change and changes nothing. */
  readonly dryRun?: boolean;
  /** Keeps a copy as `<path>.porthole-backup` before the first section goes in, if there is none. True by default. */
  readonly backup?: boolean;
  /** The file that whoever edits locks, see {@link lockConfig}; undefined where the caller holds it. */
  readonly lockPath?: string;
  readonly signal?: AbortSignal | undefined;
}

/** What {@link editSshConfig} did, or would do. */
export interface EditSshConfigResult {
  readonly path: string;
  /** Where the file really is, if `path` is a link. */
  readonly realPath: string;
  readonly changed: boolean;
  /** Unified; empty when nothing changes. */
  readonly diff: string;
  /** The copy that this call made. */
  readonly backup?: string;
}

/**
 * Puts sections into an ssh_config file and takes them out, in one step, under a lock; see `editSections` for where they go.
 *
 * Links are followed, mode and owner stay; a file that is missing is made 0600 in a folder 0700, and goes away again when
 * the last section is taken out of it. Taking out what was put in leaves the file byte for byte as it was.
 * @throws AppError `config_invalid` for markers that do not pair (with the line) and for a file that cannot be read or
 * written: nothing is changed then. `timeout` when another process keeps the lock.
 */
export async function editSshConfig(path: string, options: EditSshConfigOptions): Promise<EditSshConfigResult> {
  const { dryRun = false, lockPath, signal } = options;
  signal?.throwIfAborted();
  if (dryRun) return describeEdit(await readConfigFile(path), options);
  using _lock = lockPath === undefined ? undefined : await lockConfig(lockPath, { signal });
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    signal?.throwIfAborted();
    const result = await applyEdit(await readConfigFile(path), options);
    if (result) return result;
  }
  throw new AppError("config_invalid", `Cannot edit ${JSON.stringify(path)}: another program keeps changing it`, {
    hint: "Close whatever writes that file, then try again",
  });
}

/** Keeps others of us from editing until disposed. The lock's file is in a folder of ours, since it stays behind. */
export async function lockConfig(
  lockPath: string,
  options: Pick<EditSshConfigOptions, "signal">,
): Promise<Disposable> {
  await ensurePrivateFolder(dirname(lockPath));
  return await lockFile(lockPath, options);
}

/** Undefined when the file changed while the new text was made: then nothing was written. */
async function applyEdit(file: ConfigFile, options: EditSshConfigOptions): Promise<EditSshConfigResult | undefined> {
  const edited = edit(file, options);
  const result = describeEdit(file, options);
  if (!result.changed) return result;
  const backup = await backUp(file, options);
  const now = await readConfigFile(file.path);
  if (now.binary !== file.binary) return undefined;
  if (edited.isToBeRemoved) await Deno.remove(file.realPath);
  else await writeConfigFile(file, edited.text);
  return { ...result, ...(backup === undefined ? {} : { backup }) };
}

/** A file with a section of ours in it is not what its owner wrote: that is no state to go back to. */
async function backUp(file: ConfigFile, { backup = true }: EditSshConfigOptions): Promise<string | undefined> {
  return backup && findSections(file.binary, file.path).length === 0 ? await backUpConfigFile(file) : undefined;
}

function describeEdit(file: ConfigFile, options: EditSshConfigOptions): EditSshConfigResult {
  const { text } = edit(file, options);
  return {
    path: file.path,
    realPath: file.realPath,
    changed: text !== file.binary,
    diff: unifiedDiff(file.path, binaryToText(file.binary), binaryToText(text)),
  };
}

function edit(file: ConfigFile, { upsert = [], remove = [] }: EditSshConfigOptions) {
  const sections = upsert.map(({ name, text }) => ({ name, text: textToBinary(text) }));
  return editSections(file.binary, { upsert: sections, remove, isNewFile: !file.exists }, file.path);
}
