import { toAppError } from "../base/errors.ts";
import { createConnector } from "./connector.ts";
import { type FleetCall, listHosts, runCall } from "./fleet_call.ts";
import { checkFleetOptions, type FleetOptions, type FleetSettings, type HostOptions } from "./fleet_options.ts";
import { openHostKeys } from "./host_keys.ts";
import { type ConnectionLender, freshConnections, keptConnections } from "./lend_connection.ts";
import { createSettingsResolver } from "./resolve_settings.ts";
import type { HostResult, Result } from "./results.ts";
import { assertSshConfig, openSshConfig } from "./ssh_config.ts";

/** What the calls of a client have in common: hosts, settings, connections, the folder for long outputs. */
export interface Fleet extends AsyncDisposable {
  readonly options: FleetOptions;
  readonly settings: FleetSettings;
  readonly hosts: readonly HostOptions[];
  /** Runs one call. @throws AppError as `runCall`, and for a key that cannot be read. */
  run<R extends HostResult>(options: RunOptions, makeCall: MakeCall<R>): Promise<R[]>;
  /** Lends a connector to what connects in a way of its own. */
  withConnector<T>(signal: AbortSignal | undefined, use: (parts: ConnectorLoan) => Promise<T>): Promise<T>;
  /** The folder for outputs that do not fit into memory, made when the first one does not. */
  spoolFolder(): Promise<string>;
}

/** What every call may say. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly dryRun?: boolean | undefined;
  readonly onError?: FleetOptions["onError"] | undefined;
}

/** A connector, and the signal of client and call together. */
export interface ConnectorLoan {
  readonly connector: ReturnType<typeof createConnector>;
  readonly signal: AbortSignal | undefined;
}

/** Says what is done on each host, once it is known with what. */
export type MakeCall<R extends HostResult> = (
  loan: ConnectorLoan,
) => Omit<FleetCall<R>, "hosts" | "schedule" | "dryRun" | "lend">;

/** Checks the options; nothing is read or dialled yet. @throws AppError `usage`. */
export function openFleet(options: FleetOptions): Fleet {
  const settings = checkFleetOptions(options);
  const hosts = listHosts(options.hosts);
  const spool = lazySpoolFolder(options.spoolFolder);
  let kept: Promise<FleetConnections> | undefined;

  /** Opens what a call connects with; the caller disposes it. Kept connections outlive their calls. */
  const open = async (signal: AbortSignal | undefined): Promise<FleetConnections> => {
    if (!options.keepConnections) return await openConnections(settings, signal);
    kept ??= openConnections(settings, options.signal);
    kept.catch(() => kept = undefined);
    const { connector, lender } = await kept;
    return { connector, lender, [Symbol.asyncDispose]: () => Promise.resolve() };
  };

  return {
    options,
    settings,
    hosts,
    spoolFolder: spool.open,
    async run({ signal: callSignal, dryRun = options.dryRun ?? false, onError }, makeCall) {
      const signal = anySignal(options.signal, callSignal);
      signal?.throwIfAborted();
      await using connections = await open(signal);
      return await runCall({
        ...makeCall({ connector: connections.connector, signal }),
        hosts,
        lend: connections.lender.lend,
        dryRun,
        schedule: { ...scheduleOf(settings, signal), ...(onError ? { onError } : {}) },
      });
    },
    async withConnector(callSignal, use) {
      const signal = anySignal(options.signal, callSignal);
      await using connections = await open(signal);
      return await use({ connector: connections.connector, signal });
    },
    async [Symbol.asyncDispose]() {
      const connections = await kept?.catch(() => undefined);
      kept = undefined;
      await connections?.[Symbol.asyncDispose]();
      await spool.remove();
    },
  };
}

/** How the hosts of a call are taken on. */
export function scheduleOf({ options, maxWorkers, canary }: FleetSettings, signal: AbortSignal | undefined) {
  return { maxWorkers, onError: options.onError ?? "continue", canary, signal };
}

/** What the calls of a client connect with. */
interface FleetConnections extends AsyncDisposable {
  readonly connector: ReturnType<typeof createConnector>;
  readonly lender: ConnectionLender;
}

async function openConnections(settings: FleetSettings, signal: AbortSignal | undefined): Promise<FleetConnections> {
  const resolver = createSettingsResolver(settings, openSshConfig(settings, signal));
  await Promise.all([resolver.prepare(), assertSshConfig(settings)]);
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

function lazySpoolFolder(given: string | undefined): { open: () => Promise<string>; remove: () => Promise<void> } {
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

/** What `run` comes to: its value, or the error in its place. */
export async function attempt<T>(run: () => Promise<T>): Promise<Result<T>> {
  try {
    return { ok: true, value: await run() };
  } catch (error) {
    return { ok: false, error: toAppError(error) };
  }
}

function anySignal(a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined {
  return a && b ? AbortSignal.any([a, b]) : a ?? b;
}
