import type { Environment } from "../base/home.ts";
import type { TcpAddress } from "../stream/tcp.ts";
import type { Account } from "./account.ts";

/**
 * What no program must see: our own settings and keys, and the switches with which a runtime starts a debug server
 * (docs/wire.md: a program that inherits them starts a second one, which fails with Errno 98).
 */
const OURS = /^(?:PORTHOLE_.*|_F_E_SSH|_F_E_VS|_F_SSH_PK)$/;

/** What tells of a login: the job may have it from its own, a session has another. */
const OF_A_LOGIN = /^(?:SHLVL|SSH_CONNECTION|SSH_CLIENT|SSH_TTY|SSH_AUTH_SOCK)$/;

/** sshd's `_PATH_STDPATH`, for a job that was started without one: bash would look in `.`, and tell nobody. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What clients may set without being asked for it by `--accept-env`. */
const ACCEPTED = ["LANG", "LC_*", "TERM", "COLORTERM"];

/** Never, whatever `--accept-env` says: they make the loader or the shell run something before the session does. */
const REFUSED = /^(?:LD_.*|DYLD_.*|BASH_ENV|ENV|SHELLOPTS|BASHOPTS|IFS|PATH|HOME|SHELL|USER|LOGNAME)$/;

/** True for a variable that a client may set: `LANG`, `LC_*`, `TERM`, `COLORTERM` and what `patterns` (with `*`, `?`) name. */
export function acceptsEnv(name: string, patterns: readonly string[] = []): boolean {
  if (!/^[A-Za-z_]\w*$/.test(name) || OURS.test(name) || OF_A_LOGIN.test(name)) return false;
  if (patterns.includes(name)) return true;
  return !REFUSED.test(name) && [...ACCEPTED, ...patterns].some((pattern) => matches(name, pattern));
}

function matches(name: string, pattern: string): boolean {
  const expression = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${expression}$`).test(name);
}

/** What {@link sessionEnv} is made from. */
export interface SessionEnvParts {
  /** The agent's own environment, which is the job's. */
  readonly base: Environment;
  readonly account: Account;
  /** What the client set and was allowed to. */
  readonly client: ReadonlyMap<string, string>;
  readonly remote: TcpAddress | undefined;
  readonly local: TcpAddress | undefined;
  readonly term?: string | undefined;
  readonly tty?: string | undefined;
  readonly agentSocket?: string | undefined;
}

/** The environment of a session: the job's, then what a login sets (login(1), sshd(8) LOGIN PROCESS), then the client's. */
export function sessionEnv(
  { base, account, client, remote, local, term, tty, agentSocket }: SessionEnvParts,
): Record<string, string> {
  const env = Object.fromEntries(Object.entries(jobEnv(base)).filter(([name]) => !OF_A_LOGIN.test(name)));
  if (Deno.build.os !== "windows") env.PATH ||= DEFAULT_PATH;
  Object.assign(env, { HOME: account.home, USER: account.name, LOGNAME: account.name, SHELL: account.shell });
  if (remote) {
    env.SSH_CLIENT = `${remote.hostname} ${remote.port} ${local?.port ?? 0}`;
    env.SSH_CONNECTION = `${remote.hostname} ${remote.port} ${local?.hostname ?? "0.0.0.0"} ${local?.port ?? 0}`;
  }
  for (const [name, value] of client) env[name] = value;
  if (term) env.TERM = term;
  if (tty) env.SSH_TTY = tty;
  if (agentSocket) env.SSH_AUTH_SOCK = agentSocket;
  return env;
}

/** The agent's environment without what is its own: what the job sees. */
export function jobEnv(base: Environment): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(base)) if (value !== undefined && !OURS.test(name)) env[name] = value;
  return env;
}
