import { join, resolve } from "node:path";
import { AppError } from "../../base/errors.ts";
import { type Environment, homeFolder, portholeHome } from "../../base/home.ts";
import { binaryToText, readConfigFile } from "./config_file.ts";
import { quoteConfigWord } from "./config_words.ts";
import { editSshConfig, type EditSshConfigResult, lockConfig } from "./edit_ssh_config.ts";
import { findSections, INCLUDE_SECTION } from "./managed_sections.ts";

/** The files that our hosts can stand in. */
export interface ConfigPlaces {
  /** The user's: `~/.ssh/config`. */
  readonly configPath: string;
  /** Ours, which the user's includes: `$PORTHOLE_HOME/ssh_config`. */
  readonly ownPath: string;
  readonly lockPath: string;
}

/** Where hosts are written: `file` in place of `~/.ssh/config` if it is given. */
export function configPlaces(env: Environment, file?: string): ConfigPlaces {
  const home = portholeHome(env);
  return {
    configPath: file === undefined ? join(homeFolder(env), ".ssh", "config") : resolve(file),
    ownPath: resolve(home, "ssh_config"),
    lockPath: resolve(home, "ssh_config.lock"),
  };
}

/** A rendered host. */
export interface HostSection {
  /** The alias. */
  readonly name: string;
  /** What `renderHostBlock` made. */
  readonly text: string;
}

/** Options of {@link writeHosts} and {@link removeHosts}. */
export interface ManageHostsOptions {
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes ssh know `hosts`: in the user's file, or with `include` in ours, which the user's file then includes at its top.
 *
 * A host that stood in the other file moves. One result for each file that was looked at, in the order of writing.
 * @throws AppError as `editSshConfig` does.
 */
export async function writeHosts(
  places: ConfigPlaces,
  hosts: readonly HostSection[],
  { include = false, ...options }: ManageHostsOptions & { readonly include?: boolean } = {},
): Promise<EditSshConfigResult[]> {
  using _lock = await lockBoth(places, options);
  const names = hosts.map(({ name }) => name);
  const own = await planOwnRemoval(places, names);
  if (!include) {
    const written = await editUserFile(places, { ...options, upsert: hosts, remove: own.includeToRemove });
    return own.isAffected ? [written, await editOwnFile(places, { ...options, remove: names })] : [written];
  }
  const included = { name: INCLUDE_SECTION, text: `Include ${includeWord(places.ownPath)}\n` };
  return [
    await editOwnFile(places, { ...options, upsert: hosts }),
    await editUserFile(places, { ...options, upsert: [included], remove: names }),
  ];
}

/**
 * Takes hosts out of both files; the Include line goes with the last of them. One result for each file that changes.
 *
 * @throws AppError as `editSshConfig` does.
 */
export async function removeHosts(
  places: ConfigPlaces,
  names: readonly string[],
  options: ManageHostsOptions = {},
): Promise<EditSshConfigResult[]> {
  using _lock = await lockBoth(places, options);
  const own = await planOwnRemoval(places, names);
  const user = await editUserFile(places, { ...options, remove: [...names, ...own.includeToRemove] });
  const results = own.isAffected ? [user, await editOwnFile(places, { ...options, remove: names })] : [user];
  return results.filter(({ changed }) => changed);
}

/** A host that one of the two files knows. */
export interface ListedHost {
  readonly alias: string;
  readonly path: string;
  /** Of its opening marker. */
  readonly line: number;
}

/** The hosts in both files, the user's first. @throws AppError `config_invalid` for markers that do not pair. */
export async function listHosts({ configPath, ownPath }: ConfigPlaces): Promise<ListedHost[]> {
  const found: ListedHost[] = [];
  for (const path of [configPath, ownPath]) {
    const text = binaryToText((await readConfigFile(path)).binary);
    for (const { name, line } of findSections(text, path)) {
      if (name !== INCLUDE_SECTION) found.push({ alias: name, path, line });
    }
  }
  return found;
}

/** What becomes of one file depends on the other: nobody else may edit either meanwhile. */
async function lockBoth(
  places: ConfigPlaces,
  { dryRun = false, signal }: ManageHostsOptions,
): Promise<Disposable | undefined> {
  // Broken markers in either are found before anything is made, the lock's file included.
  await listHosts(places);
  return dryRun ? undefined : await lockConfig(places.lockPath, { signal });
}

/**
 * What taking `names` out of our own file means: the user's file needs its Include line no more when none is left.
 *
 * Reads both files, so that broken markers in either are found before anything is written.
 */
async function planOwnRemoval(
  places: ConfigPlaces,
  names: readonly string[],
): Promise<{ isAffected: boolean; includeToRemove: readonly string[] }> {
  const inOwn = (await listHosts(places)).filter(({ path }) => path === places.ownPath);
  const left = inOwn.filter(({ alias }) => !names.includes(alias));
  return { isAffected: left.length < inOwn.length, includeToRemove: left.length ? [] : [INCLUDE_SECTION] };
}

type Edits = ManageHostsOptions & { readonly upsert?: readonly HostSection[]; readonly remove?: readonly string[] };

function editUserFile({ configPath }: ConfigPlaces, edits: Edits): Promise<EditSshConfigResult> {
  return editSshConfig(configPath, edits);
}

function editOwnFile({ ownPath }: ConfigPlaces, edits: Edits): Promise<EditSshConfigResult> {
  return editSshConfig(ownPath, { ...edits, backup: false });
}

/** `path` as ssh's Include takes it: glob characters escaped, and nothing that newer versions expand. */
function includeWord(path: string): string {
  const slashed = Deno.build.os === "windows" ? path.replaceAll("\\", "/") : path;
  if (/%|\$\{/.test(slashed)) {
    throw new AppError("config_invalid", `Cannot include ${JSON.stringify(path)}: some versions of ssh expand "%"`, {
      hint: "Write the host into ~/.ssh/config itself: leave --include away",
    });
  }
  return quoteConfigWord(slashed.replace(/[*?[\]]/g, "\\$&"), "Include path");
}
