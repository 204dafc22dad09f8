import { AppError } from "../../base/errors.ts";
import { escapeControls } from "../../base/printable.ts";
import type { Provider, RunSummary } from "../../providers/provider.ts";
import { validateAlias } from "../../targets/target_store.ts";
import { openChosenProvider, PLACE_FLAGS, type PlaceValues, placeWords } from "../choose_provider.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { type ConnectedItem } from "../connected_item.ts";
import { connectLaunched } from "../connect_launched.ts";
import { namedFile } from "../named_file.ts";
import { impliedProvider, LAUNCH_FLAGS, launchRequest, refuseReachFlags, WAIT_FLAGS } from "../launch_request.ts";

/** `porthole launch`: starts a job that can be reached, and on a platform waits until it can be. */
export const launch = defineCommand({
  name: "launch",
  summary: "Start a job that can be reached",
  flags: {
    ...PLACE_FLAGS,
    on: {
      ...PLACE_FLAGS.on,
      summary: "Where it runs; else PORTHOLE_PROVIDER, else whom the other flags mean, else here",
    },
    name: { kind: "string", summary: "What the run, and for ssh the host, is called; made up unless given" },
    ...WAIT_FLAGS,
    env: { kind: "list", placeholder: "NAME=VALUE", summary: "Add to the job's environment" },
    ...LAUNCH_FLAGS,
  },
  rest: {
    name: "[--] COMMAND...",
    summary: "What to run, with its arguments; on Union the action to run again",
    hasFlags: (given) => given.includes("rerun"),
  },
  examples: [
    "porthole launch --name train -- python train.py",
    "porthole launch --hold always --hold-for 1h --detach -- make test",
    "porthole launch --on union --write-config --rerun RUN",
    "porthole launch --on valohai --step train --param epochs=5 --no-wait",
  ],
  async *run({ flags, rest }, context): AsyncGenerator<LaunchItem, number> {
    const on = flags.on ?? context.env.PORTHOLE_PROVIDER ?? impliedProvider(flags);
    const { name: provider, provider: opened } = await openChosenProvider(context, { ...flags, on });
    using open = opened;
    const waits = flags.wait && !flags.detach;
    const isLocal = provider === "local";
    if (isLocal) refuseReachFlags(flags, "with a job of this machine");
    if (!waits) refuseReachFlags(flags, "together with --no-wait: nothing is connected then");
    // Before anything is started: what connects to it afterwards would refuse these.
    if (waits && !isLocal && flags.name !== undefined) validateAlias(flags.name);
    await namedFile(flags["identity-file"], "--identity-file");
    // Valohai takes a name for a title: beside a title of its own it is ssh's alone.
    const name = waits && flags.title !== undefined ? undefined : flags.name;
    const run = await open.launch(launchRequest(provider, { flags: { ...flags, name }, command: rest }), context);
    context.notice(launchedLine(run));
    if (!waits || isLocal) context.notice(`To get in: ${connectLine(run, flags)}`);
    if (isLocal && waits) {
      yield* showOutput(open, { runName: run.name, context });
      return await exitStatusOf(open, { runName: run.name, context });
    }
    yield { kind: "run", ...run, isConnecting: waits };
    if (waits) yield { kind: "connected", ...await connectLaunched(run, { flags, context }) };
    return 0;
  },
  format: (item) => {
    switch (item.kind) {
      case "line":
        return `${item.line}\n`;
      case "connected":
        return item.sshConfig;
      case "run":
        return item.isConnecting ? "" : `${escapeControls(item.name)}\n`;
    }
  },
});

type LaunchItem =
  /** `isConnecting`: a `connected` one follows, or an error. */
  | ({ readonly kind: "run"; readonly isConnecting: boolean } & RunSummary)
  | ({ readonly kind: "connected" } & ConnectedItem)
  | { readonly kind: "line"; readonly line: string };

function launchedLine({ provider, name, phase, isNew = true }: RunSummary): string {
  const where = provider === "local" ? "" : ` on ${provider}`;
  return escapeControls(
    isNew ? `Launched ${name}${where}` : `Found ${name}${where}, which an earlier launch started and which is ${phase}`,
  );
}

/** The command that gets into a run later. */
function connectLine({ provider, name }: RunSummary, place: Omit<PlaceValues, "on">): string {
  return escapeControls(
    provider === "local"
      ? `porthole connect ${name} --write-config && ssh ${name}`
      : `porthole connect ${name} ${placeWords(provider, place)} --write-config`,
  );
}

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
