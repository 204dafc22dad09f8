import { defineCommand } from "../command.ts";
import { MULTIPLEX_FLAG, renderSections } from "./config_choice.ts";

/** A host as `porthole config show` yields it. */
export interface ShownHost {
  readonly alias: string;
  readonly sshConfig: string;
}

/** `porthole config show`: the block that makes ssh know a target, for whoever keeps their own ssh_config. */
export const configShow = defineCommand({
  name: "config show",
  summary: "Print the ssh_config block of a target",
  flags: MULTIPLEX_FLAG,
  positionals: [{ name: "ALIAS", summary: "The target; all of them unless one is named", isOptional: true }],
  async *run({ flags: { multiplex }, positionals: [alias] }, { env, self }): AsyncGenerator<ShownHost, void> {
    for (const { name, text } of await renderSections(alias, { self, env, multiplex })) {
      yield { alias: name, sshConfig: text };
    }
  },
  // Every value in it was checked and quoted for ssh: nothing that a terminal obeys is left.
  format: ({ sshConfig }) => sshConfig,
});
