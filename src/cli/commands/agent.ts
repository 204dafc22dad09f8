import { currentAccount } from "../../agent/account.ts";
import { DEFAULT_AGENT_LIMITS } from "../../agent/agent.ts";
import { loadHostKey } from "../../agent/host_key.ts";
import { loadAuthorizedKeys } from "../../agent/key_sources.ts";
import { runAgent, type RunAgentOptions } from "../../agent/run_agent.ts";
import { formatDuration, parseDuration } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import type { Environment } from "../../base/home.ts";
import { listenFailure } from "../../stream/listen_failure.ts";
import type { TcpAddress } from "../../stream/tcp.ts";
import { type CommandContext, type CommandInput, defineCommand, type FlagSpecs } from "../command.ts";

/** Union's runtime ends after so long unless told otherwise (docs/wire.md). */
const DEFAULT_MAX_UPTIME = "10h";

/** What `porthole agent` tells on stdout. */
export type AgentItem = {
  readonly event: "ready";
  readonly fingerprint: string;
  readonly hostKey: string;
  readonly host: string;
  readonly port: number;
  /** Where it can be reached from outside, if that is known. */
  readonly address: string | null;
};

const FLAGS = {
  listen: {
    kind: "string",
    placeholder: "[HOST:]PORT",
    default: "0.0.0.0:6060",
    summary: "Where to listen; port 0 takes a free one",
  },
  "host-key": { kind: "string", placeholder: "FILE", summary: "Private host key; a fresh ed25519 key otherwise" },
  "authorized-keys": {
    kind: "string",
    placeholder: "FILE",
    summary: "Public keys that may log in, besides those of PORTHOLE_AUTHORIZED_KEYS and _F_SSH_PK",
  },
  "accept-env": {
    kind: "list",
    placeholder: "PATTERN",
    summary: "Variables that clients may set besides LANG, LC_* and TERM",
  },
  hold: {
    kind: "string",
    choices: ["never", "on-failure", "always"],
    default: "on-failure",
    summary: "Whether to stay reachable after COMMAND ended",
  },
  "hold-for": { kind: "duration", default: "1h", summary: "For how long at most" },
  "stop-grace": {
    kind: "duration",
    default: "4s",
    summary: "How long COMMAND has after SIGTERM before it is killed",
  },
  "idle-timeout": { kind: "duration", summary: "Leave after so long without an SSH session, while no COMMAND runs" },
  "max-uptime": {
    kind: "duration",
    summary:
      `Leave after so long in any case, with COMMAND too; ${DEFAULT_MAX_UPTIME} once no COMMAND runs if not given`,
  },
  run: {
    kind: "string",
    placeholder: "NAME",
    summary: "The run's name, as /.well-known/porthole tells it; RUN_NAME otherwise",
  },
  action: { kind: "string", placeholder: "NAME", summary: "The action's name; ACTION_NAME otherwise" },
  user: { kind: "string", placeholder: "NAME", summary: "The login name to tell clients; any name is let in" },
  address: { kind: "string", placeholder: "URL", summary: "Where the job can be reached from outside, to be printed" },
  "max-sessions": {
    kind: "integer",
    default: DEFAULT_AGENT_LIMITS.maxSessions,
    min: 1,
    summary: "Sessions open at one time",
  },
  "max-auth-tries": {
    kind: "integer",
    default: DEFAULT_AGENT_LIMITS.maxAuthTries,
    min: 1,
    summary: "Refused keys before a client is cut off",
  },
  "login-timeout": { kind: "duration", default: "120s", summary: "Time for a client to log in" },
  "max-unauthenticated": {
    kind: "integer",
    default: DEFAULT_AGENT_LIMITS.maxUnauthenticated,
    min: 1,
    summary: "Connections that have not logged in, at one time; for one more the one that has come least far is closed",
  },
  "max-channels": {
    kind: "integer",
    default: DEFAULT_AGENT_LIMITS.maxChannels,
    min: 1,
    summary: "Channels open at one time on one connection: sessions, forwarded connections, ports listened on",
  },
  "max-failed-logins": {
    kind: "integer",
    default: DEFAULT_AGENT_LIMITS.maxFailedLogins,
    min: 0,
    summary: "Failed log-ins from one address within a minute before it is shut out for the rest of it; 0 for no limit",
  },
  "client-address-header": {
    kind: "string",
    placeholder: "NAME",
    summary: "Where the ingress tells a client's address, such as X-Forwarded-For; its last entry counts",
  },
  "resume-for": {
    kind: "duration",
    default: "15m",
    summary: "Hold the session of a client whose connection is gone for so long; 0s ends it at once",
  },
  "max-held": {
    kind: "integer",
    default: DEFAULT_AGENT_LIMITS.maxHeld,
    min: 0,
    summary: "Sessions held at one time; more end the one that waits longest",
  },
  "identity-header": {
    kind: "list",
    placeholder: "NAME",
    summary: "Give a held session back only to the same NAME header: what the ingress tells of who is logged in",
  },
  "state-file": { kind: "string", placeholder: "FILE", summary: "Keep a JSON file that tells state, pid and port" },
} as const satisfies FlagSpecs;

/** `porthole agent [FLAGS] [-- COMMAND...]`: the end inside the job. */
export const agent = defineCommand<typeof FLAGS, AgentItem>({
  name: "agent",
  summary: "Let people into this job, and run its command",
  flags: FLAGS,
  rest: { name: "[-- COMMAND...]", summary: "The job's own command; its exit status becomes the agent's" },
  examples: [
    "porthole agent --authorized-keys keys.pub",
    "porthole agent --hold on-failure --hold-for 1h -- python train.py",
  ],
  run: serve,
  format: formatReady,
});

async function* serve(
  { flags, rest }: CommandInput<typeof FLAGS>,
  context: CommandContext,
): AsyncGenerator<AgentItem, number> {
  const { env } = context;
  // On stderr, where the job writes too.
  const notice = (line: string) => context.notice(`porthole: ${line}`);
  const { keys, refused } = await loadAuthorizedKeys({ file: flags["authorized-keys"], env });
  for (const line of refused) notice(`A key was left out, ${line}`);
  const hostKey = await loadHostKey(flags["host-key"]);
  const listen = parseListen(flags.listen);
  const events = runAgent({
    listen,
    hostKey,
    keys,
    account: currentAccount(env),
    env,
    cwd: Deno.cwd(),
    acceptEnv: flags["accept-env"],
    run: flags.run ?? env.RUN_NAME,
    action: flags.action ?? env.ACTION_NAME,
    user: flags.user ?? env._F_SSH_USER,
    limits: {
      maxSessions: flags["max-sessions"],
      maxAuthTries: flags["max-auth-tries"],
      loginTimeoutMs: flags["login-timeout"],
      maxUnauthenticated: flags["max-unauthenticated"],
      maxChannels: flags["max-channels"],
      maxFailedLogins: flags["max-failed-logins"],
      resumeForMs: flags["resume-for"],
      maxHeld: flags["max-held"],
    },
    identityHeaders: flags["identity-header"],
    addressHeader: flags["client-address-header"],
    onLimit: notice,
    onNotice: (line) => env.PORTHOLE_DEBUG ? notice(line) : undefined,
    command: rest,
    rules: lifetimeRules(flags, env),
    stopGraceMs: flags["stop-grace"],
    stdinIsTerminal: context.stdinIsTerminal,
    stateFile: flags["state-file"],
    signal: context.signal,
    // The job's, as many as come; without a job the agent leaves on the first.
    onSignalsTaken: context.takeSignals,
  });
  for (;;) {
    const step = await withListenErrors(events.next(), listen);
    if (step.done) return step.value;
    const event = step.value;
    if (event.kind === "held") {
      const forMs = formatDuration(flags["hold-for"]);
      notice(`The command ended with status ${event.status}: held for people to look, ${forMs} at most (--hold)`);
    } else if (event.kind === "not-started") notice(event.error.message);
    else {
      const { hostname, port } = event.agent.address;
      const address = flags.address ?? env.PORTHOLE_ADDRESS ?? null;
      yield {
        event: "ready",
        fingerprint: hostKey.fingerprint,
        hostKey: hostKey.publicKey,
        host: hostname,
        port,
        address,
      };
    }
  }
}

function lifetimeRules(flags: CommandInput<typeof FLAGS>["flags"], env: Environment): RunAgentOptions["rules"] {
  const given = flags["max-uptime"] ?? uptimeOfEnvironment(env);
  return {
    hold: flags.hold === "never" || flags.hold === "always" ? flags.hold : "on-failure",
    holdForMs: flags["hold-for"],
    idleTimeoutMs: flags["idle-timeout"],
    maxUptimeMs: given ?? parseDuration(DEFAULT_MAX_UPTIME),
    isMaxUptimeGiven: given !== undefined,
  };
}

/** SSH_SERVER_MAX_UPTIME_SECONDS, as Union's runtime reads it: whole seconds. @throws AppError `config_invalid`. */
function uptimeOfEnvironment(env: Environment): number | undefined {
  const text = env.SSH_SERVER_MAX_UPTIME_SECONDS?.trim();
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  throw new AppError(
    "config_invalid",
    `Cannot parse SSH_SERVER_MAX_UPTIME_SECONDS as whole seconds: got ${JSON.stringify(text)}`,
  );
}

/** `6060`, `127.0.0.1:6060`, `[::1]:6060`, `:6060`. @throws AppError `usage`. */
export function parseListen(text: string): TcpAddress {
  const [, bracketed, plain, digits] = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]*)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) {
    throw new AppError(
      "usage",
      `Cannot parse --listen as [HOST:]PORT such as "0.0.0.0:6060": got ${JSON.stringify(text)}`,
    );
  }
  return { hostname: bracketed || plain || "0.0.0.0", port };
}

async function withListenErrors<T>(step: Promise<T>, address: TcpAddress): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw listenFailure(error, address, "Give another place: --listen [HOST:]PORT");
  }
}

function formatReady({ fingerprint, address }: AgentItem): string {
  const lines = ["SSH debug server is ready", `Host key fingerprint: ${fingerprint}`];
  if (address !== null) lines.push(`SSH connection available at: ${address}`);
  return `${lines.join("\n")}\n`;
}
