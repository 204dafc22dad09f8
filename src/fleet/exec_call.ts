import { AppError } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";
import type { SshConnection } from "../ssh/client/connection.ts";
import { type CommandSettings, composeCommand, type ComposedCommand, quoteWords } from "./command_line.ts";
import { execOnConnection, type ExecOutcome } from "./exec_host.ts";
import type { FailedHost } from "./fleet_call.ts";
import { type HostError, toHostError } from "./host_error.ts";
import { hostFileName, type OutputName, type OutputStore } from "./output_store.ts";
import type { SSHBatchResult, SSHResult } from "./results.ts";

/** Options of one `exec`; what is not said comes from the client. */
export interface ExecOptions extends CommandSettings {
  /** Words added to the command, each quoted. */
  readonly args?: readonly string[];
  /** What the command reads on every host; nothing unless given. */
  readonly stdin?: string | Uint8Array;
  /** For the command, connecting not counted. */
  readonly timeout?: string;
  /** After a failed step, or a failed host: as the client's. */
  readonly onError?: "stop" | "continue";
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/** What a running call tells, host by host. */
export type ExecEvent<R = SSHResult> =
  | { readonly type: "connected"; readonly host: string }
  | { readonly type: OutputName; readonly host: string; readonly bytes: Uint8Array }
  /** The last one of each host. */
  | { readonly type: "result"; readonly host: string; readonly result: R };

/** What running commands on a host takes. */
export interface ExecWork {
  readonly commands: readonly ComposedCommand[];
  readonly stdin: Uint8Array | undefined;
  readonly timeoutMs: number;
  readonly store: OutputStore;
  readonly signal: AbortSignal | undefined;
  readonly onOutput: ((host: string, name: OutputName, bytes: Uint8Array) => void | Promise<void>) | undefined;
}

/** The command lines to send. @throws AppError `usage` as `composeCommand`, and for an empty command. */
export function composeCommands(
  commands: readonly string[],
  { args = [], ...options }: ExecOptions,
  defaults: CommandSettings,
): ComposedCommand[] {
  if (commands.length === 0 || commands.some((command) => command.trim() === "")) {
    throw new AppError("usage", "There is no command to run: it is empty");
  }
  const env = { ...defaults.env, ...options.env };
  const sudo = options.sudo ?? defaults.sudo;
  const settings: CommandSettings = {
    sudo,
    // A client's default user must not fail a call that says no to sudo.
    asUser: options.asUser ?? (sudo ? defaults.asUser : undefined),
    sudoPassword: options.sudoPassword ?? defaults.sudoPassword,
    cwd: options.cwd ?? defaults.cwd,
    env,
  };
  return commands.map((command) =>
    composeCommand(args.length > 0 ? `${command} ${quoteWords(args)}` : command, settings)
  );
}

/** Runs one command on a host that was reached. @throws AppError when the command could not be started. */
export async function execCommand(
  connection: SshConnection,
  { host, command, step = "" }: { host: string; command: ComposedCommand; step?: string },
  { stdin, timeoutMs, store, signal, onOutput }: Omit<ExecWork, "commands">,
): Promise<SSHResult> {
  const startedAt = performance.now();
  const outcome = await execOnConnection(connection, command, {
    stdin,
    timeoutMs,
    store,
    signal,
    fileName: `${hostFileName(host)}${step}.${crypto.randomUUID().slice(0, 8)}`,
    onOutput: onOutput && ((name, bytes) => onOutput(host, name, bytes)),
  });
  return commandResult(outcome, { host, command, durationMs: Math.round(performance.now() - startedAt) });
}

function commandResult(
  { stdout, stderr, code, signal, error }: ExecOutcome,
  { host, command, durationMs }: { host: string; command: ComposedCommand; durationMs: number },
): SSHResult {
  const failure = error === undefined ? signalError(signal) : toHostError(error);
  return {
    host,
    ok: code === 0,
    dryRun: false,
    command: command.line,
    stdout: stdout.text,
    stderr: stderr.text,
    code,
    ...(signal === null ? {} : { signal }),
    ...(stdout.file === undefined ? {} : { stdoutFile: stdout.file }),
    ...(stderr.file === undefined ? {} : { stderrFile: stderr.file }),
    ...(stdout.isTruncated || stderr.isTruncated ? { truncated: true } : {}),
    ...(failure === undefined ? {} : { error: failure }),
    durationMs,
  };
}

function signalError(signal: string | null): HostError | undefined {
  if (signal === null) return undefined;
  return { kind: "remote", code: "remote_failed", message: `The command was ended by ${oneLine(signal, 40)}` };
}

/** Runs commands one after another; `stopsEarly` leaves out those behind one that failed. */
export async function execBatch(
  connection: SshConnection,
  { host, stopsEarly }: { host: string; stopsEarly: boolean },
  { commands, ...work }: ExecWork,
): Promise<SSHBatchResult> {
  const startedAt = performance.now();
  const steps: SSHResult[] = [];
  for (const [at, command] of commands.entries()) {
    const last = steps.at(-1);
    // Without a connection, or without the will to go on, the other steps have no result to give.
    if (last && !last.ok && (stopsEarly || connection.isClosed || work.signal?.aborted)) break;
    steps.push(await execCommand(connection, { host, command, step: `.${at + 1}` }, work));
  }
  const failure = steps.find(({ error }) => error !== undefined)?.error;
  return {
    host,
    ok: steps.length === commands.length && steps.every(({ ok }) => ok),
    dryRun: false,
    stoppedEarly: steps.length < commands.length,
    steps,
    ...(failure === undefined ? {} : { error: failure }),
    durationMs: Math.round(performance.now() - startedAt),
  };
}

/** The result of a host on which nothing ran. */
export function unrunResult(
  failure: FailedHost | { host: string; ok: true; dryRun: true; durationMs: number },
  command: string,
): SSHResult {
  return { ...failure, command, stdout: "", stderr: "", code: failure.ok ? 0 : null };
}
