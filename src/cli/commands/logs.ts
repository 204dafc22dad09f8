import { escapeControls } from "../../base/printable.ts";
import { openChosenProvider, PLACE_FLAGS } from "../choose_provider.ts";
import { defineCommand } from "../command.ts";
import { ACTION_WORDS, runReference } from "../run_reference.ts";

/** `porthole logs RUN`: what a job printed. */
export const logs = defineCommand({
  name: "logs",
  summary: "Print a job's log",
  flags: { ...PLACE_FLAGS, follow: { kind: "boolean", short: "f", summary: "Go on as long as the job runs" } },
  positionals: ACTION_WORDS,
  examples: ["porthole logs train -f"],
  async *run({ flags, positionals }, context) {
    const run = runReference(positionals);
    using provider = (await openChosenProvider(context, flags, run.runName)).provider;
    const lines = provider.logs(run, { signal: context.signal, follow: flags.follow ?? false });
    for await (const line of lines) yield { line, isForTerminal: context.stdoutIsTerminal };
  },
  // A log keeps its bytes in a file or a pipe; a terminal is shown nothing that could steer it but colours.
  format: ({ line, isForTerminal }) => `${isForTerminal ? escapeAllButColors(line) : line}\n`,
});

function escapeAllButColors(line: string): string {
  // deno-lint-ignore no-control-regex
  return line.split(/(\x1b\[[\d;]*m)/).map((part, index) => index % 2 ? part : escapeControls(part)).join("");
}
