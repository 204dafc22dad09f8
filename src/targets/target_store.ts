import { AppError } from "../base/errors.ts";
import { type Environment, portholeHome } from "../base/home.ts";
import { ensurePrivateFolder, readPrivateFile, writeFileAtomic } from "../base/private_file.ts";
import { parseTargetRecord } from "./parse_target.ts";
import type { TargetRecord } from "./target.ts";

const ALIAS = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/**
 * `alias` itself, if it can name a target: letters, digits, `.`, `_` and `-`, the first one a letter or digit, at most 63.
 *
 * What fits is safe as a file name, as a word of ssh_config and on a command line, whoever typed it.
 * @throws AppError `usage`.
 */
export function validateAlias(alias: string): string {
  if (ALIAS.test(alias)) return alias;
  throw new AppError("usage", `Cannot use ${JSON.stringify(alias.slice(0, 80))} as the name of a target`, {
    hint: "Use up to 63 letters, digits, dots, dashes and underscores, beginning with a letter or a digit",
  });
}

/** The folder of the records. */
export function targetsFolder(env: Environment): string {
  return `${portholeHome(env)}/targets`;
}

/** The record of `alias`. @throws AppError `not_found` with what to run; `unsafe_file`; `config_invalid` for a damaged one. */
export async function loadTarget(env: Environment, alias: string): Promise<TargetRecord> {
  const path = recordPath(env, alias);
  const text = await readPrivateFile(path, "target record").catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code !== "not_found") throw error;
    throw new AppError("not_found", `Cannot find a target named ${JSON.stringify(alias)}`, {
      hint: "porthole connect RUN makes one; porthole config list shows those that are there",
      details: { alias },
      cause: error,
    });
  });
  return parseTargetRecord(text, path);
}

/**
 * Writes the record, replacing the one of the same alias in one step.
 *
 * @throws AppError `already_exists` for an alias that differs from another in its case alone: ssh takes both for one.
 */
export async function saveTarget(env: Environment, record: TargetRecord): Promise<void> {
  await ensurePrivateFolder(targetsFolder(env));
  const { alias: taken = record.alias } = await loadTarget(env, record.alias).catch(() => ({ alias: undefined }));
  if (taken !== record.alias) {
    throw new AppError(
      "already_exists",
      `Cannot name a target ${JSON.stringify(record.alias)}: there is ${JSON.stringify(taken)}, the same to ssh`,
      { hint: "Give it another name: --name ALIAS" },
    );
  }
  await writeFileAtomic(recordPath(env, record.alias), `${JSON.stringify(record, null, 2)}\n`);
}

/** Forgets a target; true if there was one. */
export async function removeTarget(env: Environment, alias: string): Promise<boolean> {
  try {
    await Deno.remove(recordPath(env, alias));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** All targets by alias. A damaged record is an error that names its file. */
export async function listTargets(env: Environment): Promise<TargetRecord[]> {
  return await Promise.all((await listAliases(env)).map((alias) => loadTarget(env, alias)));
}

/** The names of all targets in lower case, sorted; their records are not read. */
export async function listAliases(env: Environment): Promise<string[]> {
  const aliases: string[] = [];
  try {
    for await (const { name } of Deno.readDir(targetsFolder(env))) {
      if (name.endsWith(".json")) aliases.push(name.slice(0, -".json".length));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return aliases.sort();
}

/** ssh gives its ProxyCommand the name in lower case, however it was typed and written. */
function recordPath(env: Environment, alias: string): string {
  return `${targetsFolder(env)}/${validateAlias(alias).toLowerCase()}.json`;
}
