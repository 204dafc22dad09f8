import { AppError } from "../../base/errors.ts";
import { type Environment, homeFolder } from "../../base/home.ts";
import { type CollectedSettings, collectSettings } from "./collect_settings.ts";
import { expandPath, expandTokens, type Tokens } from "./expand_tokens.ts";
import { type ConfigNode, loadConfigNodes, type LoadSshConfigOptions } from "./load_ssh_config.ts";
import { type JumpHost, parseJumps } from "./parse_jumps.ts";
import type { ConfigLine } from "./parse_config_line.ts";
import { assertSafeHost, assertSafeUser } from "./safe_names.ts";

const DEFAULT_PORT = 22;
const DEFAULT_USER_KNOWN_HOSTS = ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"];
const DEFAULT_GLOBAL_KNOWN_HOSTS = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];

/** How a host is reached, as the user's ssh_config says. All tokens and `~` are replaced. */
export interface HostConfig {
  readonly originalHost: string;
  readonly hostName: string;
  readonly port: number;
  readonly user: string;
  /** Those that the configuration names, in order; empty means ssh's own list. They need not exist. */
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** The socket of the agent to ask in place of SSH_AUTH_SOCK's; "none" for no agent at all. */
  readonly identityAgent?: string;
  readonly connectTimeoutMs?: number;
  /** Bastions, the first one to be dialled first. */
  readonly proxyJump: readonly JumpHost[];
  /** For a shell, as the user wrote it. What was typed for this host, not in a file, holds no shell characters. */
  readonly proxyCommand?: string;
  readonly hostKeyAlias?: string;
  readonly userKnownHostsFiles: readonly string[];
  readonly globalKnownHostsFiles: readonly string[];
  readonly strictHostKeyChecking: "yes" | "no" | "ask" | "accept-new";
  readonly hashKnownHosts: boolean;
  /** What was passed over, for the user: `Match exec`. */
  readonly notices: readonly string[];
}

/** Which host, and what was typed beside it, which counts before every file. */
export interface HostQuestion {
  readonly host: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
}

/** A user's ssh_config, read once, for any number of hosts. */
export interface SshConfig {
  /** @throws AppError `usage` for a host that a shell could take for more; `config_invalid` for a value that cannot be read. */
  resolve(question: HostQuestion): HostConfig;
}

/** Reads the user's and the system's ssh_config. @throws AppError as `loadConfigNodes` does. */
export async function loadSshConfig(options: LoadSshConfigOptions): Promise<SshConfig> {
  const files = await loadConfigNodes(options);
  const { userInfo } = await import("node:os");
  const { env } = options;
  const localUser = env.USER ?? env.LOGNAME ?? env.USERNAME ?? userInfo().username;
  return { resolve: (question) => resolveHost(files, { question, env, localUser }) };
}

/** What ssh_config says of one host; for many, read it once with {@link loadSshConfig}. */
export async function resolveSshConfig(options: LoadSshConfigOptions & HostQuestion): Promise<HostConfig> {
  return (await loadSshConfig(options)).resolve(options);
}

function resolveHost(
  files: readonly ConfigNode[][],
  { question, env, localUser }: { question: HostQuestion; env: Environment; localUser: string },
): HostConfig {
  const originalHost = assertSafeHost(question.host);
  const home = homeFolder(env);
  const settings = collectSettings(files, { originalHost, user: question.user, localUser });
  const hostName = assertSafeHost(
    expandTokens(firstArgument(settings, "hostname") ?? originalHost, { h: originalHost }, "HostName"),
  ).toLowerCase();
  const user = question.user === undefined
    ? firstArgument(settings, "user") ?? localUser
    : assertSafeUser(question.user);
  const port = question.port ?? readPort(settings.first.get("port"));
  const alias = firstArgument(settings, "hostkeyalias");
  const dial: Tokens = { h: hostName, n: originalHost, p: String(port), r: user };
  const tokens: Tokens = { ...dial, d: home, u: localUser, k: alias ?? originalHost, ...machineTokens() };
  const paths = (values: readonly string[], keyword: string) =>
    values.filter((path) => path.toLowerCase() !== "none").map((path) =>
      expandPath(path, { tokens, env, home, keyword })
    );
  return {
    originalHost,
    hostName,
    port,
    user,
    identityFiles: paths(settings.identityFiles.map(argumentOf), "IdentityFile"),
    identitiesOnly: readFlag(settings.first.get("identitiesonly"), false),
    ...readAgent(settings, { tokens, env, home }),
    ...readConnectTimeout(settings.first.get("connecttimeout")),
    ...readProxy(settings, dial),
    ...(alias === undefined ? {} : { hostKeyAlias: alias }),
    userKnownHostsFiles: paths(
      settings.first.get("userknownhostsfile")?.args ?? DEFAULT_USER_KNOWN_HOSTS,
      "UserKnownHostsFile",
    ),
    globalKnownHostsFiles: [...settings.first.get("globalknownhostsfile")?.args ?? DEFAULT_GLOBAL_KNOWN_HOSTS],
    strictHostKeyChecking: readChecking(settings.first.get("stricthostkeychecking")),
    hashKnownHosts: readFlag(settings.first.get("hashknownhosts"), false),
    notices: settings.notices,
  };
}

/** Tokens that tell of this machine: its name, long and short, and the user's number. */
function machineTokens(): Tokens {
  const name = Deno.hostname();
  return { l: name, L: name.split(".")[0] ?? name, i: String(Deno.uid() ?? "") };
}

function readProxy({ first }: CollectedSettings, tokens: Tokens): Pick<HostConfig, "proxyJump" | "proxyCommand"> {
  const jump = first.get("proxyjump");
  if (jump) {
    const text = argumentOf(jump);
    return {
      proxyJump: text.toLowerCase() === "none" ? [] : parseJumps(expandTokens(text, tokens, "ProxyJump"), jump.place),
    };
  }
  const command = first.get("proxycommand")?.rest;
  if (command === undefined || command.toLowerCase() === "none") return { proxyJump: [] };
  return { proxyJump: [], proxyCommand: expandTokens(command, tokens, "ProxyCommand") };
}

/** A path, `none`, or the name of a variable, bare for SSH_AUTH_SOCK and behind a `$` for others (ssh_config(5)). */
function readAgent(
  { first }: CollectedSettings,
  { tokens, env, home }: { tokens: Tokens; env: Environment; home: string },
): Pick<HostConfig, "identityAgent"> {
  const line = first.get("identityagent");
  if (!line) return {};
  const text = argumentOf(line);
  if (text.toLowerCase() === "none") return { identityAgent: "none" };
  if (text === "SSH_AUTH_SOCK") return {};
  const [, variable] = /^\$([A-Za-z_][A-Za-z0-9_]*)$/.exec(text) ?? [];
  if (variable !== undefined) return { identityAgent: env[variable] || "none" };
  return { identityAgent: expandPath(text, { tokens, env, home, keyword: "IdentityAgent" }) };
}

/** Seconds, or a time such as `1m30s` (sshd_config(5), TIME FORMATS); `none` and 0 are the system's own limit. */
function readConnectTimeout(line: ConfigLine | undefined): Pick<HostConfig, "connectTimeoutMs"> {
  if (!line) return {};
  const text = argumentOf(line).toLowerCase();
  if (text === "none") return {};
  const units: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
  if (!/^(\d+[smhdw]?)+$/.test(text)) {
    throw new AppError(
      "config_invalid",
      `Cannot read ${line.place}: needed seconds, found ${JSON.stringify(line.args[0])}`,
    );
  }
  const parts = [...text.matchAll(/(\d+)([smhdw]?)/g)];
  const seconds = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ""] ?? 1), 0);
  return seconds > 0 ? { connectTimeoutMs: seconds * 1000 } : {};
}

function firstArgument({ first }: CollectedSettings, keyword: string): string | undefined {
  const line = first.get(keyword);
  return line && argumentOf(line);
}

function argumentOf({ args: [first], keyword, place }: ConfigLine): string {
  if (first) return first;
  throw new AppError("config_invalid", `Cannot read ${place}: ${keyword} needs a value`);
}

function readPort(line: ConfigLine | undefined): number {
  if (!line) return DEFAULT_PORT;
  const port = Number(argumentOf(line));
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new AppError(
    "config_invalid",
    `Cannot read ${line.place}: needed a port, found ${JSON.stringify(line.args[0])}`,
  );
}

function readFlag(line: ConfigLine | undefined, byDefault: boolean): boolean {
  if (!line) return byDefault;
  const value = argumentOf(line).toLowerCase();
  if (value === "yes" || value === "true") return true;
  if (value === "no" || value === "false") return false;
  throw new AppError(
    "config_invalid",
    `Cannot read ${line.place}: needed "yes" or "no", found ${JSON.stringify(value)}`,
  );
}

function readChecking(line: ConfigLine | undefined): HostConfig["strictHostKeyChecking"] {
  const value = line ? argumentOf(line).toLowerCase() : "ask";
  if (value === "ask" || value === "accept-new") return value;
  if (value === "yes" || value === "true") return "yes";
  if (value === "no" || value === "false" || value === "off") return "no";
  throw new AppError(
    "config_invalid",
    `Cannot read ${line?.place}: needed "yes", "no", "ask" or "accept-new", found ${JSON.stringify(value)}`,
  );
}
