import { AppError } from "../../base/errors.ts";
import { escapeControls } from "../../base/printable.ts";
import type { Provider, RunSummary } from "../../providers/provider.ts";
import { openChosenProvider, PLACE_FLAGS } from "../choose_provider.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { LAUNCH_FLAGS, launchRequest } from "../launch_request.ts";

/** `porthole launch`: starts a job that can be reached. */
export const launch = defineCommand({
  name: "launch",
  summary: "Start a job that can be reached",
  flags: {
    ...PLACE_FLAGS,
    name: { kind: "string", summary: "What the run is called; made up from the command unless given" },
    detach: {
      kind: "boolean",
      short: "d",
      summary: "Return as soon as the job is there, instead of showing its output",
    },
    env: { kind: "list", placeholder: "NAME=VALUE", summary: "Add to the job's environment" },
    ...LAUNCH_FLAGS,
  },
  rest: { name: "[--] COMMAND...", summary: "What to run, with its arguments" },
  examples: [
    "porthole launch --name train -- python train.py",
    "porthole launch --hold always --hold-for 1h --detach -- make test",
  ],
  async *run({ flags, rest }, context): AsyncGenerator<LaunchItem, number> {
    const { name, provider } = await openChosenProvider(context, flags);
    using open = provider;
    const run = await open.launch(launchRequest(name, { flags, command: rest }), context);
    context.notice(`Launched ${run.name}. To get in: porthole connect ${run.name} --write-config && ssh ${run.name}`);
    if (flags.detach || name !== "local") {
      yield { kind: "run", ...run };
      return 0;
    }
    yield* showOutput(open, { runName: run.name, context });
    return await exitStatusOf(open, { runName: run.name, context });
  },
  format: (item) => item.kind === "line" ? `${item.line}\n` : `${escapeControls(item.name)}\n`,
});

type LaunchItem = ({ readonly kind: "run" } & RunSummary) | { readonly kind: "line"; readonly line: string };

interface Shown {
  readonly runName: string;
  readonly context: CommandContext;
}

/** The job's output until it ends; Ctrl-C ends the job. */
async function* showOutput(provider: Provider, { runName, context }: Shown): AsyncGenerator<LaunchItem> {
  const run = { runName, actionName: "a0" };
  try {
    for await (const line of provider.logs(run, { signal: context.signal, follow: true })) yield { kind: "line", line };
  } catch (error) {
    if (!context.signal.aborted) throw error;
    await provider.stop(run, {});
    throw new AppError("cancelled", `Stopped ${runName}`, { cause: error });
  }
}

async function exitStatusOf(provider: Provider, { runName, context }: Shown): Promise<number> {
  for await (const run of provider.list(context)) if (run.name === runName) return run.exitStatus ?? 70;
  return 70;
}
