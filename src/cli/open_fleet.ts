import { join } from "node:path";
import { AppError } from "../base/errors.ts";
import { escapeControls } from "../base/printable.ts";
import { type Environment, portholeHome } from "../base/home.ts";
import { config, type FleetClient } from "../fleet/client.ts";
import type { FleetOptions, HostQuestion } from "../fleet/fleet_options.ts";
import { describeLocalFault } from "../fleet/local_fault.ts";
import { type HostGroups, parseHostGroups } from "../fleet/host_groups.ts";
import { parseHostsFile, selectHosts } from "../fleet/select_hosts.ts";
import { aliasFinder } from "../providers/find_alias.ts";
import type { CommandContext, FlagValues } from "./command.ts";
import type { HOST_FLAGS } from "./fleet_flags.ts";
import { readSecret } from "./read_secret.ts";

/** What {@link HOST_FLAGS} came to. */
export type HostFlags = FlagValues<typeof HOST_FLAGS>;

/** Which hosts, and what the command adds to the flags. */
export interface OpenFleetOptions {
  /** Node sets, as typed. */
  readonly hosts: readonly string[];
  readonly flags: HostFlags;
  readonly context: CommandContext;
  readonly more?: Partial<FleetOptions>;
}

/** A client for the hosts of a command line. @throws AppError `usage`, `not_found`, `config_invalid`. */
export async function openFleetClient({ hosts, flags, context, more = {} }: OpenFleetOptions): Promise<FleetClient> {
  const { env, signal } = context;
  return config({
    hosts: await chooseHosts(hosts, { flags, env }),
    ...optional("user", flags.user),
    ...optional("port", flags.port),
    ...optional("key", flags.identity),
    ...optional("jump", flags.jump),
    ...optional("sshConfigFile", flags.config),
    ...optional("knownHostsFile", flags["known-hosts"]),
    ...optional("hostKeyCheck", hostKeyCheck(flags)),
    ...optional("timeout", flags["connect-timeout"] === undefined ? undefined : `${flags["connect-timeout"]}ms`),
    ...(context.stdinIsTerminal && context.stderrIsTerminal ? { auth: { prompt: askAtTerminal(context) } } : {}),
    maxRetries: flags.retry,
    maxWorkers: flags.parallel,
    findAlias: aliasFinder(env),
    onNotice: (text) => context.notice(escapeControls(text)),
    environment: env,
    signal,
    ...more,
  });
}

function optional<K extends string, V>(name: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : { [name]: value } as { [key in K]: V };
}

function hostKeyCheck(flags: HostFlags): FleetOptions["hostKeyCheck"] {
  if (!flags["insecure-ignore-host-key"]) return flags["accept-new"] ? "accept-new" : undefined;
  if (!flags["accept-new"]) return false;
  throw new AppError("usage", "--accept-new and --insecure-ignore-host-key exclude each other: both were given");
}

async function chooseHosts(
  hosts: readonly string[],
  { flags, env }: { flags: HostFlags; env: Environment },
): Promise<string[]> {
  const file = flags["hosts-file"];
  const include = [...hosts, ...(file === undefined ? [] : parseHostsFile(await readNamed(file, "hosts file")))];
  if (include.length === 0) {
    throw new AppError("usage", "There is no host to work on", { hint: "Name hosts, or a file with --hosts-file" });
  }
  const chosen = await selectHosts({
    include,
    exclude: flags.exclude,
    loadGroups: () => loadGroups(flags.groups, env),
  });
  if (chosen.length > 0) return chosen;
  throw new AppError("usage", "There is no host to work on: all of them are excluded");
}

async function loadGroups(given: string | undefined, env: Environment): Promise<HostGroups> {
  if (given !== undefined) return parseHostGroups(await readNamed(given, "groups file"), given);
  for (const name of ["groups.toml", "groups.ini"]) {
    const path = join(portholeHome(env), name);
    const text = await Deno.readTextFile(path).catch((error: unknown) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    if (text !== undefined) return parseHostGroups(text, path);
  }
  throw new AppError(
    "not_found",
    `There are no groups: neither groups.toml nor groups.ini is in ${portholeHome(env)}`,
    {
      hint: "Name a file with --groups",
    },
  );
}

async function readNamed(path: string, what: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw describeLocalFault(error, { verb: "read", path });
    throw new AppError("not_found", `Cannot read the ${what} ${JSON.stringify(path)}: it does not exist`, {
      cause: error,
    });
  }
}

function askAtTerminal(context: CommandContext) {
  return async ({ about, text, isEchoed }: HostQuestion): Promise<string> => {
    const question = isEchoed || text.includes(about) ? text : `${about}: ${text}`;
    const { signal } = context;
    const answer = await readSecret({ isTerminal: true, signal, prompt: () => context.notice(question.trim()) });
    return answer;
  };
}
