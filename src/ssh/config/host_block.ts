import { AppError } from "../../base/errors.ts";
import { escapePath, quoteCommand, quoteConfigWord } from "./config_words.ts";

/** What `Host`, HostName and HostKeyAlias take without any quoting or pattern in it. */
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._:@-]*$/;
/** A minute without an answer ends the connection; something flows before the shortest idle clock seen, 60 s, fires. */
const ALIVE_INTERVAL_SECONDS = 20;
const ALIVE_COUNT_MAX = 3;
/** The master lives on for the next command of a script or an editor, not for an afternoon. */
const CONTROL_PERSIST = "60s";

/** One host as ssh is to know it. */
export interface HostBlock {
  readonly alias: string;
  /** The address that ssh dials itself; the alias unless told otherwise, which is what a ProxyCommand gets as `%h`. */
  readonly hostName?: string;
  readonly port?: number;
  readonly user: string;
  /** Absolute. */
  readonly identityFile: string;
  /** The program, absolute, and its arguments; `%h` is put behind them. Without it ssh dials `hostName` by TCP. */
  readonly proxyCommand?: readonly string[];
  /** The name that the host key is filed under: one per run and attempt. */
  readonly hostKeyAlias: string;
  /** Absolute. */
  readonly userKnownHostsFile: string;
  readonly strictHostKeyChecking: "yes" | "accept-new";
  /** From `controlPath()`; without it connections are not shared. */
  readonly controlPath?: string | undefined;
  readonly serverAliveIntervalSeconds?: number;
  readonly serverAliveCountMax?: number;
}

/** Options of {@link renderHostBlock}. */
export interface RenderHostBlockOptions {
  /** Whose rules for paths and commands: this machine's unless told otherwise. */
  readonly os?: string;
}

/**
 * The `Host` block of ssh_config(5) for one host, newline at the end: every value quoted, every `%` doubled.
 *
 * @throws AppError `config_invalid` for a value that no quoting brings through ssh unharmed.
 */
export function renderHostBlock(host: HostBlock, { os = Deno.build.os }: RenderHostBlockOptions = {}): string {
  const { alias, hostName = alias, port, proxyCommand, controlPath } = host;
  const path = (value: string, what: string) => quoteConfigWord(escapePath(value, { what, os }), what);
  const lines: (readonly [string, string | number] | undefined)[] = [
    ["HostName", plainName(hostName, "host name")],
    port === undefined ? undefined : ["Port", portNumber(port)],
    ["User", userName(host.user)],
    ["IdentityFile", path(host.identityFile, "identity file")],
    ["IdentitiesOnly", "yes"],
    proxyCommand && ["ProxyCommand", `${quoteCommand(proxyCommand, { os })} %h`],
    ["HostKeyAlias", plainName(host.hostKeyAlias, "host key alias")],
    ["UserKnownHostsFile", path(host.userKnownHostsFile, "known_hosts file")],
    ["StrictHostKeyChecking", host.strictHostKeyChecking],
    ["ServerAliveInterval", host.serverAliveIntervalSeconds ?? ALIVE_INTERVAL_SECONDS],
    ["ServerAliveCountMax", host.serverAliveCountMax ?? ALIVE_COUNT_MAX],
    ...controlLines(controlPath),
  ];
  const body = lines.flatMap((line) => line ? [`    ${line[0]} ${line[1]}\n`] : []);
  return `Host ${plainName(alias, "alias")}\n${body.join("")}`;
}

function controlLines(controlPath: string | undefined): [string, string][] {
  // Said even when sharing is off: a user's own `Host *` further down would turn it on with a path of its own.
  if (controlPath === undefined) return [["ControlMaster", "no"], ["ControlPath", "none"]];
  return [
    ["ControlMaster", "auto"],
    ["ControlPath", quoteConfigWord(controlPath, "control path")],
    ["ControlPersist", CONTROL_PERSIST],
  ];
}

function plainName(value: string, what: string): string {
  if (PLAIN_NAME.test(value)) return value;
  throw new AppError("config_invalid", `Cannot write the ${what} ${JSON.stringify(value)} into ssh_config`, {
    hint: 'It must begin with a letter or digit and hold nothing but letters, digits, ".", "_", ":", "@" and "-"',
  });
}

/** OpenSSH 10 expands `%` and `${` in a user name and older versions do not: no spelling suits both. */
function userName(user: string): string {
  if (!user.startsWith("-") && !/%|\$\{/.test(user)) return quoteConfigWord(user, "user");
  throw new AppError("config_invalid", `Cannot write the user ${JSON.stringify(user)} into ssh_config`, {
    hint: 'A user name must not begin with "-" nor hold "%" or "${"',
  });
}

function portNumber(port: number): number {
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new AppError("config_invalid", `Cannot write the port ${port} into ssh_config: needed 1 to 65535`);
}
