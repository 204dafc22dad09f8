import { AppError } from "../base/errors.ts";
import { LOCAL_LAUNCH_FLAGS } from "../providers/local/launch_flags.ts";
import type { ProviderName } from "../providers/open_provider.ts";
import type { LaunchRequest } from "../providers/provider.ts";
import { UNION_LAUNCH_FLAGS } from "../providers/union/launch_flags.ts";
import { VALOHAI_LAUNCH_FLAGS } from "../providers/valohai/launch_flags.ts";
import type { FlagSpecs } from "./command.ts";

/** What `launch` takes for connecting to what it has started on a platform. */
const REACH_FLAGS = {
  "write-config": { kind: "boolean", summary: "Once it is there: write the block into ~/.ssh/config" },
  user: { kind: "string", summary: "The login user; the platform's own unless given" },
  "identity-file": {
    kind: "string",
    placeholder: "FILE",
    summary: "The private key; the one it is started for unless given",
  },
  "api-key": { kind: "boolean", summary: "Union: dial with a long-lived API key, made if need be" },
  timeout: { kind: "duration", summary: "How long to wait until it can be reached (default 300s)" },
  "poll-interval": { kind: "duration", summary: "How often to ask (default 3s)" },
} as const satisfies FlagSpecs;

/** The flags of `launch` about what comes after it. */
export const WAIT_FLAGS = {
  wait: {
    kind: "boolean",
    default: true,
    summary: "Wait until it can be reached and make it a host that ssh knows, or show a local job's output",
  },
  detach: { kind: "boolean", short: "d", summary: "The same as --no-wait" },
  ...REACH_FLAGS,
} as const satisfies FlagSpecs;

/** What each provider takes besides: its own file says what a flag is called, takes and does. */
const FLAGS_OF = {
  local: LOCAL_LAUNCH_FLAGS,
  union: UNION_LAUNCH_FLAGS,
  valohai: VALOHAI_LAUNCH_FLAGS,
} as const satisfies Readonly<Record<ProviderName, FlagSpecs>>;

/** The flags of `launch` that providers understand, each provider its own. */
export const LAUNCH_FLAGS = { ...FLAGS_OF.local, ...FLAGS_OF.union, ...FLAGS_OF.valohai } as const satisfies FlagSpecs;

/** Whose each flag is. */
const OWNERS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(FLAGS_OF).flatMap(([owner, flags]) => Object.keys(flags).map((flag) => [flag, owner])),
);

/** The platform that only one of the given flags can mean; undefined when none says, or two say two. */
export function impliedProvider(flags: Readonly<Record<string, unknown>>): string | undefined {
  const owners = new Set(Object.keys(LAUNCH_FLAGS).filter((flag) => isGiven(flags[flag])).map((flag) => OWNERS[flag]));
  return owners.size === 1 ? [...owners][0] : undefined;
}

/**
 * @throws AppError `usage` for a flag about connecting where nothing will be connected: to a job of this machine, or
 * with `--no-wait`.
 */
export function refuseReachFlags(flags: Readonly<Record<string, unknown>>, reason: string): void {
  const given = Object.keys(REACH_FLAGS).find((flag) => isGiven(flags[flag]));
  if (given === undefined) return;
  throw new AppError("usage", `Cannot use --${given} ${reason}`, {
    hint: `Give it to the command that connects: porthole connect RUN --${given}`,
  });
}

function isGiven(value: unknown): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

/** The request that a command line makes of the provider `name`; flags that were given are in `options`. */
export function launchRequest(
  name: string,
  { flags, command }: {
    flags: Readonly<Record<string, unknown>> & { readonly name: string | undefined; readonly env: readonly string[] };
    command: readonly string[];
  },
): LaunchRequest {
  const options: Record<string, unknown> = {};
  for (const flag of Object.keys(LAUNCH_FLAGS)) {
    const value = flags[flag];
    if (!isGiven(value)) continue;
    if (OWNERS[flag] !== name) {
      throw new AppError("usage", `Cannot use --${flag} with ${name}: it is for ${OWNERS[flag]}`, {
        hint: flag in FLAGS_OF.local ? "Give it to porthole agent inside the job" : `Add --on ${OWNERS[flag]}`,
      });
    }
    options[flag] = value;
  }
  return {
    command,
    env: parseAssignments(flags.env, "--env"),
    options,
    ...(flags.name === undefined ? {} : { name: flags.name }),
  };
}

/** `NAME=VALUE` words as a record; the last of a name wins. @throws AppError `usage`. */
export function parseAssignments(words: readonly string[], flag: string): Record<string, string> {
  return Object.fromEntries(words.map((word) => {
    const at = word.indexOf("=");
    if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
    throw new AppError("usage", `Cannot parse ${flag} as NAME=VALUE: got ${JSON.stringify(word)}`, {
      hint: `Write it as in ${flag} EPOCHS=3, once for each`,
    });
  }));
}
