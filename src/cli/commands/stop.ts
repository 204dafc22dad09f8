import { openChosenProvider, PLACE_FLAGS } from "../choose_provider.ts";
import { defineCommand } from "../command.ts";
import { ACTION_WORDS, runReference } from "../run_reference.ts";

/** `porthole stop RUN`: ends a job. */
export const stop = defineCommand({
  name: "stop",
  summary: "Stop a job",
  flags: PLACE_FLAGS,
  positionals: ACTION_WORDS,
  examples: ["porthole stop train"],
  async *run({ flags, positionals }, context) {
    const run = runReference(positionals);
    const { name, provider } = await openChosenProvider(context, flags, run.runName);
    using open = provider;
    await open.stop(run, context);
    yield { provider: name, stopped: run.runName };
  },
  format: ({ stopped }) => `Stopped ${stopped}\n`,
});
