import { AppError } from "../base/errors.ts";

/** How hosts are taken on. */
export interface ScheduleOptions {
  /** Hosts at once; 0 is no limit. */
  readonly maxWorkers: number;
  /** `stop`: after a host failed, no further one is started. Those under way go on. */
  readonly onError: "stop" | "continue";
  /** So many hosts run, and must succeed, before the others start. */
  readonly canary: number;
  readonly signal?: AbortSignal | undefined;
}

/** What is done with one host, and with one that is never started. Neither rejects. */
export interface HostWork<H, R> {
  readonly run: (host: H, at: number) => Promise<R>;
  readonly skip: (host: H, at: number, why: AppError) => Promise<R>;
  readonly isOk: (result: R) => boolean;
  /** Told of each result as it comes, and waited for. */
  readonly onResult?: ((result: R) => void | Promise<void>) | undefined;
}

/** One result per host, in the order of `hosts`, whatever happens to any of them. */
export async function runOnHosts<H, R>(
  hosts: readonly H[],
  { run, skip, isOk, onResult }: HostWork<H, R>,
  { maxWorkers, onError, canary, signal }: ScheduleOptions,
): Promise<R[]> {
  const results = new Map<number, R>();
  const queue = [...hosts.entries()];
  let stopped: AppError | undefined;

  const runSome = async (entries: ReadonlyArray<[number, H]>, whyStopped: string | undefined) => {
    const shared = entries.values();
    const worker = async () => {
      for (const [at, host] of shared) {
        if (signal?.aborted) stopped ??= notStarted("the call was cancelled");
        const result = await (stopped ? skip(host, at, stopped) : run(host, at));
        results.set(at, result);
        await onResult?.(result);
        if (whyStopped && !isOk(result)) stopped ??= notStarted(whyStopped);
      }
    };
    const count = Math.min(entries.length, maxWorkers === 0 ? Infinity : maxWorkers);
    await Promise.all(Array.from({ length: count }, worker));
  };

  if (canary > 0) {
    const name = canary === 1 ? "the first host, the canary," : `one of the first ${canary} hosts, the canaries,`;
    await runSome(queue.slice(0, canary), `${name} failed`);
  }
  await runSome(queue.slice(canary), onError === "stop" ? "another host failed before" : undefined);
  return hosts.flatMap((_, at) => {
    const result = results.get(at);
    return result === undefined ? [] : [result];
  });
}

function notStarted(why: string): AppError {
  return new AppError("cancelled", `Not started: ${why}`, { details: { reason: "not_started" } });
}
