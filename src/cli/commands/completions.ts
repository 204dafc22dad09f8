import { defineCommand } from "../command.ts";
import { renderCompletions, SHELLS } from "../completions.ts";
import { AppError } from "../../base/errors.ts";

/** `porthole completions SHELL`: a script that completes commands, flags and targets. */
export const completions = defineCommand({
  name: "completions",
  summary: "Print a script that completes commands in a shell",
  flags: {},
  positionals: [{ name: "SHELL", summary: SHELLS.join(", ") }],
  examples: ["porthole completions bash > ~/.local/share/bash-completion/completions/porthole"],
  async *run({ positionals: [name] }, { commands }) {
    const shell = SHELLS.find((known) => known === name);
    if (!shell) {
      throw new AppError("usage", `Cannot complete in ${JSON.stringify(name)}: needed one of ${SHELLS.join(", ")}`);
    }
    yield { shell, script: renderCompletions(shell, await Promise.all(commands.map((entry) => entry.load()))) };
  },
  format: ({ script }) => script,
});
