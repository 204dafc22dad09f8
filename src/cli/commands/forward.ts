import { escapeControls } from "../../base/printable.ts";
import { formatDuration } from "../../base/duration.ts";
import { FORWARD_SERVICES, onSameMachine, parseForwards } from "../../targets/forward_spec.ts";
import { type ForwardEvent, keepTunnels } from "../../targets/forward_tunnels.ts";
import { renderTargetBlock } from "../../targets/ssh_block.ts";
import type { TargetRecord } from "../../targets/target.ts";
import { loadTarget } from "../../targets/target_store.ts";
import { type CommandContext, defineCommand } from "../command.ts";

/** One tunnel that answers, as `porthole forward --json` prints it. */
interface ForwardItem {
  readonly name: string;
  readonly localPort: number;
  readonly remotePort: number;
  /** A URL for a browser, else `host:port`. */
  readonly url: string;
}

/** `porthole forward ALIAS WHAT...`: opens tunnels and keeps them open until Ctrl-C. */
export const forward = defineCommand({
  name: "forward",
  summary: "Open tunnels to services of a job and keep them open",
  flags: {},
  positionals: [{ name: "ALIAS", summary: "The target, as porthole connect made it" }],
  rest: {
    name: "WHAT...",
    summary: `${Object.keys(FORWARD_SERVICES).join(", ")}, a port there, or LOCAL:REMOTE`,
    hasFlags: () => true,
  },
  examples: [
    "porthole forward train tensorboard jupyter",
    "porthole forward train debugpy",
    "porthole forward train 9000:8080",
  ],
  async *run({ positionals: [alias = ""], rest }, context): AsyncGenerator<ForwardItem> {
    const { env, self, signal } = context;
    const wanted = parseForwards(rest);
    const specs = isHere(await loadTarget(env, alias)) ? wanted.map(onSameMachine) : wanted;
    // Read anew at every start: whoever connects again moves the target, and the tunnels follow it.
    const config = async () => renderTargetBlock(await loadTarget(env, alias), { self, env, multiplex: false });
    context.progress(`Opening ${specs.length === 1 ? "a tunnel" : `${specs.length} tunnels`} to ${alias}`);
    let lastDrop: string | undefined;
    for await (const event of keepTunnels({ alias, config, specs, signal })) {
      tell(event, { alias, context, lastDrop });
      lastDrop = event.kind === "dropped" ? event.error.message : event.kind === "restored" ? undefined : lastDrop;
      if (event.kind !== "ready") continue;
      const { name, localPort, remotePort } = event.tunnel;
      yield { name, localPort, remotePort, url: event.url };
    }
  },
  format: ({ name, url }) => `${escapeControls(name)}: ${url}\n`,
});

function isHere({ provider, route }: TargetRecord): boolean {
  const host = route.kind === "tcp" ? route.host : new URL(route.url).hostname;
  return provider === "local" || /^(?:localhost|127\..*|\[?::1\]?)$/.test(host);
}

interface Telling {
  readonly alias: string;
  readonly context: CommandContext;
  /** What the last try ended with: the same again is no news. */
  readonly lastDrop: string | undefined;
}

function tell(event: ForwardEvent, { alias, context, lastDrop }: Telling): void {
  // A live line alone: a log has no use for it.
  if (event.kind !== "dropped" && context.stderrIsTerminal) context.progress(`Tunnels to ${alias}: Ctrl-C closes them`);
  switch (event.kind) {
    case "ready": {
      const { busyPort, localPort, name } = event.tunnel;
      if (busyPort !== undefined && busyPort !== localPort) {
        context.notice(`The local port ${busyPort} is busy: ${name} is on ${localPort}`);
      }
      return;
    }
    case "waiting":
      return context.notice(`Waiting for ${event.tunnel.name}: ${event.found}`);
    case "dropped": {
      const { error: { message }, retryInMs } = event;
      const line = `${message.replace(/\.$/, "")}. Trying again in ${formatDuration(retryInMs)}`;
      return message === lastDrop ? context.progress(line) : context.notice(line);
    }
    case "restored":
      return context.notice(`Connected to ${alias} again`);
  }
}
