import { parseDuration } from "../base/duration.ts";
import { toAppError } from "../base/errors.ts";
import { createConnector } from "./connector.ts";
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
import { type FleetCall, listHosts, runCall } from "./fleet_call.ts";
import { checkFleetOptions, type FleetOptions, type FleetSettings, type HostOptions } from "./fleet_options.ts";
import { openHostKeys } from "./host_keys.ts";
import { type ConnectionLender, freshConnections, keptConnections } from "./lend_connection.ts";
import { createOutputStore } from "./output_store.ts";
import { createSettingsResolver } from "./resolve_settings.ts";
import type { Result, SSHBatchResult, SSHResult } from "./results.ts";
import { openSshConfig } from "./ssh_config.ts";

/** Kept in memory of all outputs of one call together; beyond it they go to files. */
const MAX_TOTAL_OUTPUT_BYTES = 256 * 1024 * 1024;

/** Many hosts at once. `close()` ends what it keeps; a client without `keepConnections` keeps nothing between calls. */
export interface FleetClient extends AsyncDisposable {
  /** The hosts' names, node sets expanded. */
  readonly hosts: readonly string[];
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
  /** What happens, as it happens. The hosts go no faster than the events are taken; leaving early cancels the rest. */
  execEvents(command: string, options?: ExecOptions): AsyncGenerator<ExecEvent, void>;
  close(): Promise<void>;
}

/** Several commands for one `exec`. */
export interface ExecBatch {
  readonly commands: readonly string[];
}

/** A client for `hosts`. Nothing is read or dialled yet. @throws AppError `usage` for options out of range. */
export function config(options: FleetOptions): FleetClient {
  const settings = checkFleetOptions(options);
  const hosts = listHosts(options.hosts);
  const spool = spoolFolder(options.spoolFolder);
  let kept: Promise<FleetConnections> | undefined;

  /** Opens what a call connects with; the caller disposes it. Kept connections outlive their calls. */
  const open = async (signal: AbortSignal | undefined): Promise<FleetConnections & AsyncDisposable> => {
    if (!options.keepConnections) return await openConnections(settings, signal);
    kept ??= openConnections(settings, options.signal);
    kept.catch(() => kept = undefined);
    const { connector, lender } = await kept;
    return { connector, lender, [Symbol.asyncDispose]: () => Promise.resolve() };
  };

  const run = async <R extends SSHResult | SSHBatchResult>(
    { signal: callSignal, dryRun = options.dryRun ?? false }: Pick<ExecOptions, "signal" | "dryRun">,
    makeCall: (
      signal: AbortSignal | undefined,
    ) => Pick<FleetCall<R>, "work" | "pretend" | "failed" | "onResult" | "onConnected">,
  ): Promise<R[]> => {
    const signal = anySignal(options.signal, callSignal);
    signal?.throwIfAborted();
    await using connections = await open(signal);
    return await runCall<R>({
      ...makeCall(signal),
      hosts,
      connector: connections.connector,
      lend: connections.lender.lend,
      dryRun,
      schedule: {
        maxWorkers: settings.maxWorkers,
        onError: options.onError ?? "continue",
        canary: settings.canary,
        signal,
      },
    });
  };

  const work = (commands: readonly string[], exec: ExecOptions, onOutput: ExecWork["onOutput"]) => ({
    commands: composeCommands(commands, exec, options),
    stdin: typeof exec.stdin === "string" ? new TextEncoder().encode(exec.stdin) : exec.stdin,
    timeoutMs: exec.timeout === undefined ? settings.commandTimeoutMs : parseDuration(exec.timeout, "timeout"),
    store: createOutputStore({
      maxOutputBytes: settings.maxOutputBytes,
      maxTotalBytes: MAX_TOTAL_OUTPUT_BYTES,
      spoolFolder: spool.open,
    }),
    onOutput,
  });

  const runOne = (command: string, exec: ExecOptions, onEvent?: (event: ExecEvent) => Promise<void>) => {
    const shared = work([command], exec, onEvent && ((host, type, bytes) => onEvent({ type, host, bytes })));
    const [composed = { line: command, stdinPrefix: undefined }] = shared.commands;
    return run<SSHResult>(exec, (signal) => ({
      work: (connection, { host }) => execCommand(connection, { host, command: composed }, { ...shared, signal }),
      pretend: ({ host }) =>
        Promise.resolve(unrunResult({ host, ok: true, dryRun: true, durationMs: 0 }, composed.line)),
      failed: (failure) => unrunResult(failure, composed.line),
      onConnected: onEvent && ((host) => onEvent({ type: "connected", host })),
      onResult: onEvent && ((result) => onEvent({ type: "result", host: result.host, result })),
    }));
  };

  const runBatch = (commands: readonly string[], exec: ExecOptions) => {
    const shared = work(commands, exec, undefined);
    const stopsEarly = options.onError !== "continue";
    const pretended = (host: string) =>
      shared.commands.map(({ line }) => unrunResult({ host, ok: true, dryRun: true, durationMs: 0 }, line));
    return run<SSHBatchResult>(exec, (signal) => ({
      work: (connection, { host }) => execBatch(connection, { host, stopsEarly }, { ...shared, signal }),
      pretend: ({ host }) =>
        Promise.resolve({ host, ok: true, dryRun: true, durationMs: 0, stoppedEarly: false, steps: pretended(host) }),
      failed: (failure) => ({ ...failure, stoppedEarly: true, steps: [] }),
    }));
  };

  // The two shapes of `exec` differ in what they return, which an arrow function cannot tell apart.
  function exec(command: string, options?: ExecOptions): Promise<SSHResult[]>;
  function exec(batch: ExecBatch, options?: ExecOptions): Promise<SSHBatchResult[]>;
  async function exec(what: string | ExecBatch, options: ExecOptions = {}): Promise<SSHResult[] | SSHBatchResult[]> {
    return typeof what === "string" ? await runOne(what, options) : await runBatch(what.commands, options);
  }
  function tryExec(command: string, options?: ExecOptions): Promise<Result<SSHResult[]>>;
  function tryExec(batch: ExecBatch, options?: ExecOptions): Promise<Result<SSHBatchResult[]>>;
  function tryExec(
    what: string | ExecBatch,
    options: ExecOptions = {},
  ): Promise<Result<SSHResult[] | SSHBatchResult[]>> {
    return typeof what === "string" ? attempt(() => exec(what, options)) : attempt(() => exec(what, options));
  }

  const close = async () => {
    const connections = await kept?.catch(() => undefined);
    kept = undefined;
    await connections?.[Symbol.asyncDispose]();
    await spool.remove();
  };

  return {
    hosts: hosts.map(({ host }) => host),
    exec,
    tryExec,
    execEvents: (command, exec = {}) =>
      iterateEvents<ExecEvent>(
        ({ push }, signal) => runOne(command, { ...exec, signal }, push),
        exec.signal,
      ),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What the calls of a client connect with. */
interface FleetConnections extends AsyncDisposable {
  readonly connector: ReturnType<typeof createConnector>;
  readonly lender: ConnectionLender;
}

async function openConnections(settings: FleetSettings, signal: AbortSignal | undefined): Promise<FleetConnections> {
  const resolver = createSettingsResolver(settings, openSshConfig(settings));
  await resolver.prepare();
  const connector = createConnector({ settings, resolver, hostKeys: openHostKeys(signal), signal });
  const lender = settings.options.keepConnections ? keptConnections(connector) : freshConnections(connector);
  return {
    connector,
    lender,
    async [Symbol.asyncDispose]() {
      await lender[Symbol.asyncDispose]();
      await connector[Symbol.asyncDispose]();
    },
  };
}

/** The folder for outputs that do not fit into memory, made when the first one does not. */
function spoolFolder(given: string | undefined): { open: () => Promise<string>; remove: () => Promise<void> } {
  let made: Promise<string> | undefined;
  return {
    open: () =>
      given === undefined ? made ??= Deno.makeTempDir({ prefix: "porthole-output-" }) : Promise.resolve(given),
    async remove() {
      const folder = await made;
      made = undefined;
      if (folder !== undefined) await Deno.remove(folder, { recursive: true });
    },
  };
}

async function attempt<T>(run: () => Promise<T>): Promise<Result<T>> {
  try {
    return { ok: true, value: await run() };
  } catch (error) {
    return { ok: false, error: toAppError(error) };
  }
}

function anySignal(a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined {
  return a && b ? AbortSignal.any([a, b]) : a ?? b;
}
