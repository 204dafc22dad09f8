import { parseDuration } from "../base/duration.ts";
import { iterateEvents } from "./event_queue.ts";
import {
  composeCommands,
  execBatch,
  execCommand,
  type ExecEvent,
  type ExecOptions,
  type ExecWork,
  unrunResult,
} from "./exec_call.ts";
import { attempt, type Fleet } from "./fleet.ts";
import { createOutputStore, type OutputName } from "./output_store.ts";
import type { HostResult, Result, SSHBatchResult, SSHResult } from "./results.ts";

/** Kept in memory of all outputs of one call together; beyond it they go to files. */
const MAX_TOTAL_OUTPUT_BYTES = 256 * 1024 * 1024;

/** Several commands for one `exec`, with options or without. */
export interface ExecBatch extends ExecOptions {
  readonly commands: readonly string[];
}

/** Commands on every host of a client. */
export interface ExecClient {
  /**
   * Runs a command line on every host: one result per host, in their order.
   *
   * @throws AppError for what concerns all hosts (`not_found`: no such key file), or when no host could be reached.
   */
  exec(command: string, options?: ExecOptions): Promise<SSHResult[]>;
  /** Runs several, one after another over one connection a host; stops at a failed one unless `onError: "continue"`. */
  exec(batch: ExecBatch, options?: ExecOptions): Promise<SSHBatchResult[]>;
  /** As `exec`, an error in place of an exception. */
  tryExec(command: string, options?: ExecOptions): Promise<Result<SSHResult[]>>;
  tryExec(batch: ExecBatch, options?: ExecOptions): Promise<Result<SSHBatchResult[]>>;
  /**
   * What happens, as it happens; then what `exec` would throw. The hosts go no faster than the events are taken, and
   * leaving early cancels what runs.
   */
  execEvents(command: string, options?: ExecOptions): AsyncGenerator<ExecEvent, void>;
  execEvents(batch: ExecBatch, options?: ExecOptions): AsyncGenerator<ExecEvent<SSHBatchResult>, void>;
}

type OnEvent<R> = ((event: ExecEvent<R>) => Promise<void>) | undefined;

/** @returns the commands of a client. */
export function execClient(fleet: Fleet): ExecClient {
  // The two shapes of `exec` differ in what they return, which an arrow function cannot tell apart.
  function exec(command: string, options?: ExecOptions): Promise<SSHResult[]>;
  function exec(batch: ExecBatch, options?: ExecOptions): Promise<SSHBatchResult[]>;
  async function exec(what: string | ExecBatch, options: ExecOptions = {}): Promise<SSHResult[] | SSHBatchResult[]> {
    return typeof what === "string"
      ? await runOne(fleet, what, options)
      : await runBatch(fleet, { ...what, ...options });
  }
  function tryExec(command: string, options?: ExecOptions): Promise<Result<SSHResult[]>>;
  function tryExec(batch: ExecBatch, options?: ExecOptions): Promise<Result<SSHBatchResult[]>>;
  function tryExec(
    what: string | ExecBatch,
    options: ExecOptions = {},
  ): Promise<Result<SSHResult[] | SSHBatchResult[]>> {
    return typeof what === "string" ? attempt(() => exec(what, options)) : attempt(() => exec(what, options));
  }
  function execEvents(command: string, options?: ExecOptions): AsyncGenerator<ExecEvent, void>;
  function execEvents(batch: ExecBatch, options?: ExecOptions): AsyncGenerator<ExecEvent<SSHBatchResult>, void>;
  function execEvents(
    what: string | ExecBatch,
    options: ExecOptions = {},
  ): AsyncGenerator<ExecEvent<SSHResult | SSHBatchResult>, void> {
    if (typeof what === "string") {
      return iterateEvents(({ push }, signal) => runOne(fleet, what, { ...options, signal }, push), options.signal);
    }
    const batch = { ...what, ...options };
    return iterateEvents(({ push }, signal) => runBatch(fleet, { ...batch, signal }, push), batch.signal);
  }
  return { exec, tryExec, execEvents };
}

/** What all hosts of one call share. */
function workOf(
  { options, settings, spoolFolder }: Fleet,
  { commands, exec, onOutput }: { commands: readonly string[]; exec: ExecOptions; onOutput: ExecWork["onOutput"] },
): Omit<ExecWork, "signal"> {
  return {
    commands: composeCommands(commands, exec, options),
    stdin: typeof exec.stdin === "string" ? new TextEncoder().encode(exec.stdin) : exec.stdin,
    timeoutMs: exec.timeout === undefined ? settings.commandTimeoutMs : parseDuration(exec.timeout, "timeout"),
    store: createOutputStore({
      maxOutputBytes: settings.maxOutputBytes,
      maxTotalBytes: MAX_TOTAL_OUTPUT_BYTES,
      spoolFolder: options.longOutput === "truncate" ? undefined : spoolFolder,
    }),
    onOutput,
  };
}

async function runOne(
  fleet: Fleet,
  command: string,
  exec: ExecOptions,
  onEvent?: OnEvent<SSHResult>,
): Promise<SSHResult[]> {
  const { onOutput, ...watching } = watch(onEvent);
  const shared = workOf(fleet, { commands: [command], exec, onOutput });
  const [composed = { line: command, stdinPrefix: undefined }] = shared.commands;
  return await fleet.run<SSHResult>(exec, ({ signal }) => ({
    work: (connection, { host }) => execCommand(connection, { host, command: composed }, { ...shared, signal }),
    pretend: ({ host }) => Promise.resolve(pretended(host, composed.line)),
    failed: (failure) => unrunResult(failure, composed.line),
    ...watching,
  }));
}

async function runBatch(
  fleet: Fleet,
  { commands, ...exec }: ExecBatch,
  onEvent?: OnEvent<SSHBatchResult>,
): Promise<SSHBatchResult[]> {
  const { onOutput, ...watching } = watch(onEvent);
  const shared = workOf(fleet, { commands, exec, onOutput });
  const stopsEarly = (exec.onError ?? fleet.options.onError) !== "continue";
  return await fleet.run<SSHBatchResult>(exec, ({ signal }) => ({
    work: (connection, { host }) => execBatch(connection, { host, stopsEarly }, { ...shared, signal }),
    pretend: ({ host }) => {
      const steps = shared.commands.map(({ line }) => pretended(host, line));
      return Promise.resolve({ host, ok: true, dryRun: true, durationMs: 0, stoppedEarly: false, steps });
    },
    failed: (failure) => ({ ...failure, stoppedEarly: true, steps: [] }),
    ...watching,
  }));
}

/** What a call tells of, as events. */
function watch<R extends HostResult>(onEvent: OnEvent<R>) {
  return {
    onOutput: onEvent && ((host: string, type: OutputName, bytes: Uint8Array) => onEvent({ type, host, bytes })),
    onConnected: onEvent && ((host: string) => onEvent({ type: "connected", host })),
    onResult: onEvent && ((result: R) => onEvent({ type: "result", host: result.host, result })),
  };
}

function pretended(host: string, line: string): SSHResult {
  return unrunResult({ host, ok: true, dryRun: true, durationMs: 0 }, line);
}
