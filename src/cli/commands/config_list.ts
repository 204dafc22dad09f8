import { escapeControls } from "../../base/printable.ts";
import { configPlaces, listHosts } from "../../ssh/config/managed_hosts.ts";
import { listTargets } from "../../targets/target_store.ts";
import { defineCommand } from "../command.ts";
import { FILE_FLAG, NO_TARGETS } from "./config_choice.ts";

/** A host as `porthole config list` yields it: a target, a section of ssh's configuration, or both. */
export interface ListedConfig {
  readonly alias: string;
  /** The file and the line of its section, if ssh knows it. */
  readonly path?: string;
  readonly line?: number;
  /** The run that its target record names; none when the record is gone. */
  readonly runName?: string;
}

/** `porthole config list`: which targets there are, and which of them ssh knows. */
export const configList = defineCommand({
  name: "config list",
  summary: "List targets and where ssh's configuration has them",
  flags: FILE_FLAG,
  async *run({ flags: { file } }, { env, notice }): AsyncGenerator<ListedConfig, void> {
    const [hosts, targets] = await Promise.all([listHosts(configPlaces(env, file)), listTargets(env)]);
    if (hosts.length + targets.length === 0) notice(NO_TARGETS);
    for (const { alias, runName } of targets) {
      const places = hosts.filter((host) => host.alias === alias);
      if (places.length === 0) yield { alias, runName };
      for (const { path, line } of places) yield { alias, runName, path, line };
    }
    for (const host of hosts) {
      if (!targets.some(({ alias }) => alias === host.alias)) yield host;
    }
  },
  format({ alias, runName = "(no record: porthole config remove takes it out)", path, line }) {
    const place = path === undefined ? "(not written)" : `${path}:${line}`;
    return `${alias.padEnd(24)} ${escapeControls(runName).padEnd(24)} ${escapeControls(place)}\n`;
  },
});
