import { configPlaces, writeHosts } from "../../ssh/config/managed_hosts.ts";
import { defineCommand } from "../command.ts";
import {
  EDIT_FLAGS,
  type EditItem,
  formatEdit,
  MULTIPLEX_FLAG,
  NO_TARGETS,
  oneOrAll,
  prepareFolders,
  renderSections,
} from "./config_choice.ts";

/** `porthole config write`: makes `ssh ALIAS` work, and every editor that reads ssh's configuration. */
export const configWrite = defineCommand({
  name: "config write",
  summary: "Write targets into ~/.ssh/config",
  flags: {
    ...EDIT_FLAGS,
    ...MULTIPLEX_FLAG,
    include: { kind: "boolean", default: false, summary: "Keep the hosts in a file of our own that yours includes" },
  },
  positionals: [{ name: "ALIAS", summary: "The target", isOptional: true }],
  examples: ["porthole config write demo --dry-run", "porthole config write --all --include"],
  async *run({ flags, positionals }, { env, self, signal, notice }): AsyncGenerator<EditItem, void> {
    const { multiplex, include, file, "dry-run": isDryRun } = flags;
    const alias = oneOrAll(positionals[0], flags.all);
    const sections = await renderSections(alias, { self, env, multiplex });
    if (sections.length === 0) return notice(NO_TARGETS);
    if (!isDryRun) await prepareFolders(env, multiplex);
    for (const result of await writeHosts(configPlaces(env, file), sections, { include, dryRun: isDryRun, signal })) {
      yield { ...result, isDryRun };
    }
  },
  format: formatEdit,
});
