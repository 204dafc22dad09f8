import { AppError } from "../../base/errors.ts";
import type { Environment } from "../../base/home.ts";
import { escapeControls } from "../../base/printable.ts";
import type { EditSshConfigResult } from "../../ssh/config/edit_ssh_config.ts";
import { ensureControlFolder } from "../../ssh/config/control_path.ts";
import type { HostSection } from "../../ssh/config/managed_hosts.ts";
import { renderTargetBlock } from "../../targets/ssh_block.ts";
import { listTargets, loadTarget, validateAlias } from "../../targets/target_store.ts";
import type { FlagSpecs, Style } from "../command.ts";

/** The flag that names another file than `~/.ssh/config`. */
export const FILE_FLAG = {
  file: { kind: "string", placeholder: "FILE", summary: "The configuration to edit in place of ~/.ssh/config" },
} as const satisfies FlagSpecs;

/** The flag that says whether connections are shared. */
export const MULTIPLEX_FLAG = {
  multiplex: { kind: "boolean", default: true, summary: "Share one connection between sessions" },
} as const satisfies FlagSpecs;

/** The flags of commands that change files. */
export const EDIT_FLAGS = {
  ...FILE_FLAG,
  all: { kind: "boolean", default: false, summary: "Every host" },
  "dry-run": { kind: "boolean", default: false, summary: "Print what would change as a unified diff, change nothing" },
} as const satisfies FlagSpecs;

/** What is said where there is nothing to show or to write. */
export const NO_TARGETS = "No targets yet: porthole connect RUN makes one";

/** The alias, or undefined with `--all`. @throws AppError `usage` unless exactly one of the two was given. */
export function oneOrAll(alias: string | undefined, all: boolean): string | undefined {
  if (all !== (alias !== undefined)) return alias === undefined ? undefined : validateAlias(alias);
  throw new AppError("usage", alias === undefined ? "Needed the name of a host" : "Cannot take a name with --all", {
    hint: "porthole config list shows the hosts",
  });
}

/** The blocks of one target, or of all. @throws AppError `not_found`. */
export async function renderSections(
  alias: string | undefined,
  { self, env, multiplex }: { self: readonly string[]; env: Environment; multiplex: boolean },
): Promise<HostSection[]> {
  const records = alias === undefined ? await listTargets(env) : [await loadTarget(env, alias)];
  return records.map((record) => ({
    name: record.alias,
    text: renderTargetBlock(record, { self, env, multiplex }),
  }));
}

/** Makes what the blocks rely on: ssh does not make the folder of its sockets. */
export async function prepareFolders(env: Environment, multiplex: boolean): Promise<void> {
  if (multiplex) await ensureControlFolder(env);
}

/** One file that was edited, or would be with `--dry-run`. */
export interface EditItem extends EditSshConfigResult {
  readonly isDryRun: boolean;
}

/** The diff alone with `--dry-run`, so that `patch` can take it; else what happened to the file. */
export function formatEdit({ isDryRun, path, realPath, changed, diff, backup }: EditItem, _style: Style): string {
  if (isDryRun) return diff.split("\n").map(escapeControls).join("\n");
  const where = escapeControls(path === realPath ? path : `${path} (${realPath})`);
  const kept = backup === undefined ? "" : `; as it was: ${escapeControls(backup)}`;
  return `${changed ? "changed" : "unchanged"} ${where}${kept}\n`;
}
