import type { Environment } from "../base/home.ts";
import { AppError } from "../base/errors.ts";
import { parseDuration } from "../base/duration.ts";
import type { AuthQuestion } from "../ssh/client/auth.ts";
import type { Dialer } from "../stream/byte_stream.ts";
import type { CommandSettings } from "./command_line.ts";

/** A question for a person, and whom it is about. */
export interface HostQuestion extends AuthQuestion {
  /** The host as it was named; the path of the key for a passphrase. */
  readonly about: string;
}

/** With what to log in. */
export interface AuthOptions {
  readonly user?: string;
  /** Path of a private key, or its text. Given, no other key file is tried. */
  readonly key?: string;
  /** For an encrypted key. */
  readonly passphrase?: string;
  readonly password?: string;
  /** Whether ssh-agent may be asked; true unless a password is given. With a key, for that key alone. */
  readonly useAgent?: boolean;
  /** Asked for what is missing: passphrases, passwords, the prompts of keyboard-interactive; nobody unless given. */
  readonly prompt?: ((question: HostQuestion) => Promise<string>) | false;
}

/** A host to go through (bastion); what is not said comes from ssh_config and the client. */
export interface JumpOptions extends AuthOptions {
  /** As a host is named: `me@bastion:2222`. */
  readonly host: string;
  readonly port?: number;
}

/** A host with settings of its own; what is not said comes from the client. */
export interface HostOptions extends AuthOptions {
  readonly host: string;
  readonly port?: number;
}

/** How one of our own aliases is reached, without a process for it. */
export interface AliasRoute {
  readonly dial: Dialer;
  readonly user?: string;
  readonly identityFile?: string;
  readonly hostKeyAlias?: string;
  readonly knownHostsFile?: string;
  readonly hostKeyCheck?: "yes" | "accept-new";
}

/** Options of {@link config}: everything is optional but `hosts`. Durations are strings such as `30s`. */
export interface FleetOptions extends CommandSettings {
  /** `web[1-20],db1`, a list of such, or of hosts with settings. */
  readonly hosts: string | ReadonlyArray<string | HostOptions>;
  readonly user?: string;
  /** Path of a private key, or its text. */
  readonly key?: string;
  readonly password?: string;
  /** 22 unless ssh_config or the host's name says otherwise. */
  readonly port?: number;
  readonly auth?: AuthOptions;
  /** One or several in a row, the first dialled first; `none` overrules ssh_config's ProxyJump. */
  readonly jump?: string | JumpOptions | ReadonlyArray<string | JumpOptions>;
  /** For connecting and logging in: else ssh_config's ConnectTimeout, else `30s`. */
  readonly timeout?: string;
  /** For each command; none unless given. */
  readonly commandTimeout?: string;
  /** `30s`; `0s` sends none. */
  readonly keepAliveInterval?: string;
  /** Unanswered keep-alives until a connection counts as dead; 3. */
  readonly keepAliveMax?: number;
  /** True unless told not to. `accept-new` files the key of a host that is not known yet; a changed key is always refused. */
  readonly hostKeyCheck?: boolean | "accept-new";
  readonly knownHostsFile?: string;
  /** Another file than `~/.ssh/config`; false or `none` reads none. */
  readonly sshConfigFile?: string | false;
  /** Further tries of a connection that was refused or hung up on; 3. Commands are never tried again. */
  readonly maxRetries?: number;
  readonly execPolicy?: "concurrent" | "linear";
  /** Hosts at once, 32; 0 is no limit. */
  readonly maxWorkers?: number;
  /** After a failure: go on with the other hosts (default), or start no more. A batch stops at a failed step unless `continue`. */
  readonly onError?: "stop" | "continue";
  /** So many hosts must succeed before the others start; 0. */
  readonly canary?: number;
  readonly dryRun?: boolean;
  /** Kept in memory of each output of each host, 1 MiB. */
  readonly maxOutputBytes?: number;
  /** What becomes of a longer one: the whole goes to a file (default), or the rest is dropped, for who watches events. */
  readonly longOutput?: "spool" | "truncate";
  /** Where longer outputs go: a folder that exists. Else a temporary one, which `close()` removes. */
  readonly spoolFolder?: string;
  /** Keeps connections open between calls until `close()`. */
  readonly keepConnections?: boolean;
  /** Knows our own aliases. */
  readonly findAlias?: (alias: string) => Promise<AliasRoute | null>;
  /** Told once of each thing that was passed over, such as `Match exec` in ssh_config. */
  readonly onNotice?: (text: string) => void;
  /** The process environment unless given: HOME, USER, SSH_AUTH_SOCK, SHELL. */
  readonly environment?: Environment;
  readonly signal?: AbortSignal;
}

/** {@link FleetOptions} checked, with the defaults in place. */
export interface FleetSettings {
  readonly options: FleetOptions;
  readonly auth: AuthOptions;
  readonly jumps: readonly JumpOptions[] | "none" | undefined;
  /** Undefined where ssh_config is to say. */
  readonly connectTimeoutMs: number | undefined;
  readonly commandTimeoutMs: number;
  readonly keepAliveIntervalMs: number;
  readonly keepAliveMax: number;
  readonly hostKeyCheck: boolean | "accept-new" | undefined;
  readonly maxRetries: number;
  readonly maxWorkers: number;
  readonly canary: number;
  readonly maxOutputBytes: number;
  readonly environment: Environment;
}

const DEFAULT_MAX_OUTPUT_BYTES = 1024 * 1024;
const DEFAULT_WORKERS = 32;

/** @throws AppError `usage` for a value that is out of range, named with what was found. */
export function checkFleetOptions(options: FleetOptions): FleetSettings {
  const { execPolicy = "concurrent", maxWorkers = DEFAULT_WORKERS, timeout, commandTimeout } = options;
  const { auth = {}, user, key, password, port } = options;
  if (port !== undefined) checkCount("port", port, 1, 65535);
  return {
    options,
    auth: {
      ...auth,
      ...(user === undefined ? {} : { user }),
      ...(key ? { key } : {}),
      ...(password ? { password } : {}),
    },
    jumps: listJumps(options.jump),
    connectTimeoutMs: timeout === undefined ? undefined : parseDuration(timeout, "timeout"),
    commandTimeoutMs: commandTimeout === undefined ? Infinity : parseDuration(commandTimeout, "commandTimeout"),
    keepAliveIntervalMs: parseDuration(options.keepAliveInterval ?? "30s", "keepAliveInterval"),
    keepAliveMax: checkCount("keepAliveMax", options.keepAliveMax ?? 3, 1),
    hostKeyCheck: options.hostKeyCheck,
    maxRetries: checkCount("maxRetries", options.maxRetries ?? 3),
    maxWorkers: execPolicy === "linear" ? 1 : checkCount("maxWorkers", maxWorkers),
    canary: checkCount("canary", options.canary ?? 0),
    maxOutputBytes: checkCount("maxOutputBytes", options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES),
    environment: options.environment ?? Deno.env.toObject(),
  };
}

function listJumps(jump: FleetOptions["jump"]): FleetSettings["jumps"] {
  if (jump === undefined || jump === "none") return jump;
  if (typeof jump === "string") return jump.split(",").map((host) => ({ host: host.trim() }));
  const list = Array.isArray(jump) ? jump as ReadonlyArray<string | JumpOptions> : [jump as JumpOptions];
  return list.map((one) => typeof one === "string" ? { host: one } : one);
}

function checkCount(name: string, value: number, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new AppError("usage", `${name} must be a whole number of at least ${min}: got ${value}`);
}
