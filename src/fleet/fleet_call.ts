import { AppError } from "../base/errors.ts";
import type { SshConnection } from "../ssh/client/connection.ts";
import type { FleetOptions, HostOptions } from "./fleet_options.ts";
import { type HostError, noHostReached, toHostError } from "./host_error.ts";
import { parseHostSpec } from "./host_spec.ts";
import { expandNodeSet } from "./node_set.ts";
import type { HostResult } from "./results.ts";
import { runOnHosts, type ScheduleOptions } from "./schedule.ts";

/** What a failed or unstarted host's result says besides what the kind of call adds to it. */
export interface FailedHost {
  readonly host: string;
  readonly ok: false;
  readonly dryRun: boolean;
  readonly error: HostError;
  readonly durationMs: number;
}

/** One call on many hosts. */
export interface FleetCall<R extends HostResult> {
  readonly hosts: readonly HostOptions[];
  readonly schedule: ScheduleOptions;
  readonly dryRun: boolean;
  /** Takes and gives back connections; the client decides whether they are kept. */
  readonly lend: LendConnection;
  /** The result of a host that there is no need to log in to, if it is one; rejects as `work`. */
  readonly foresee?: ((host: HostOptions) => Promise<R | undefined>) | undefined;
  /** What is done on a host that was reached; rejects for what is that host's error. */
  readonly work: (connection: SshConnection, host: HostOptions) => Promise<R>;
  /** What would be done: instead of connecting, with `dryRun`. */
  readonly pretend: (host: HostOptions) => Promise<R>;
  /** The result of a host for which there is none of its own. */
  readonly failed: (failure: FailedHost, host: HostOptions) => R;
  readonly onResult?: ((result: R) => void | Promise<void>) | undefined;
  readonly onConnected?: ((host: string) => void | Promise<void>) | undefined;
}

/** Runs `use` with a connection to `host`, and sees to its end. */
export type LendConnection = <T>(
  host: HostOptions,
  use: (connection: SshConnection) => Promise<T>,
  options: { signal: AbortSignal | undefined },
) => Promise<T>;

/**
 * One result per host, in the order of `hosts`.
 *
 * @throws AppError when no host could be reached: the first host's error, with all of them in the details.
 */
export async function runCall<R extends HostResult>(call: FleetCall<R>): Promise<R[]> {
  const { hosts, dryRun, schedule, onResult, onConnected } = call;
  if (hosts.length === 0) throw noHostReached([]);
  const reached = new Set<number>();
  const runOne = async (host: HostOptions, at: number): Promise<R> => {
    const startedAt = performance.now();
    try {
      // A name that is none is told without dialling, too.
      parseHostSpec(host.host);
      if (dryRun) return await call.pretend(host);
      const foreseen = await call.foresee?.(host);
      if (foreseen) {
        reached.add(at);
        return foreseen;
      }
      return await call.lend(host, async (connection) => {
        reached.add(at);
        await onConnected?.(host.host);
        return await call.work(connection, host);
      }, { signal: schedule.signal });
    } catch (error) {
      const durationMs = performance.now() - startedAt;
      return call.failed(failedHost(host, { error, wasReached: reached.has(at), dryRun, durationMs }), host);
    }
  };
  const results = await runOnHosts(hosts, {
    run: runOne,
    skip: (host, _at, why) =>
      Promise.resolve(call.failed(failedHost(host, { error: why, dryRun, durationMs: 0 }), host)),
    onResult,
    isOk: (result) => result.ok,
  }, schedule);
  const errors = results.flatMap(({ host, error }) => error ? [{ host, error }] : []);
  if (!dryRun && reached.size === 0 && errors.length === results.length) throw noHostReached(errors);
  return results;
}

function failedHost(
  { host }: HostOptions,
  { error, wasReached = false, dryRun, durationMs }: {
    error: unknown;
    wasReached?: boolean;
    dryRun: boolean;
    durationMs: number;
  },
): FailedHost {
  return { host, ok: false, dryRun, error: toHostError(error, { wasReached }), durationMs: Math.round(durationMs) };
}

/** The hosts of a client, node sets expanded. @throws AppError `usage`. */
export function listHosts(hosts: FleetOptions["hosts"]): HostOptions[] {
  // Who writes without types may have left them out.
  const list = typeof hosts === "string" ? [hosts] : hosts ?? [];
  const expanded = list.flatMap((one) =>
    typeof one === "string" ? expandNodeSet(one).map((host) => ({ host })) : [{ ...one }]
  );
  if (expanded.length > 0) return expanded;
  throw new AppError("usage", "There is no host to work on: the list of hosts is empty", {
    hint: "Name at least one host",
  });
}
