import { chooseProvider, ON_FLAG, openProvider } from "../choose_provider.ts";
import { defineCommand } from "../command.ts";
import { ACTION_WORDS, runReference } from "../run_reference.ts";

/** `porthole stop RUN`: ends a job. */
export const stop = defineCommand({
  name: "stop",
  summary: "Stop a job",
  flags: ON_FLAG,
  positionals: ACTION_WORDS,
  examples: ["porthole stop train"],
  async *run({ flags, positionals }, context) {
    const run = runReference(positionals);
    const name = await chooseProvider(context, { on: flags.on, runName: run.runName });
    await (await openProvider(name, { context })).stop(run, context);
    yield { provider: name, stopped: run.runName };
  },
  format: ({ stopped }) => `Stopped ${stopped}\n`,
});
