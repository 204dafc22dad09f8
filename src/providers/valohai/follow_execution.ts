import { sleep as realSleep } from "../../base/abort.ts";
import { AppError } from "../../base/errors.ts";
import type { ResolveState } from "../../targets/resolve_state.ts";
import { getExecution, getStatusEvents } from "./api.ts";
import type { ApiClient } from "./api_client.ts";
import { explainEnded, explainNoDetails } from "./explain.ts";
import { findSshDetails, isMachineMessage, type SshDetails } from "./ssh_details.ts";
import type { Execution, ExecutionEvent } from "./wire.ts";

/** Statuses before the container runs; any other but `started` is an end. */
const WAITING = new Set(["created", "queued"]);
/** Looks after the first one, and how far apart: as Valohai's own tool does. */
const MORE_LOOKS = 5;
const MIN_LOOK_MS = 1_000;
const MAX_LOOK_MS = 7_000;

/** Options of {@link followExecution}. */
export interface FollowOptions {
  readonly projectId: string;
  readonly counter: number | "latest";
  readonly pollIntervalMs: number;
  /** The public key that an execution was started with, where anybody knows. */
  debugKeyOf(execution: Execution): Promise<string | undefined>;
  readonly signal?: AbortSignal | undefined;
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Between 0 and 1: spreads the looks. */
  readonly random?: () => number;
}

/** An execution that runs, and where its SSH server is. */
export interface FoundExecution {
  readonly execution: Execution;
  readonly details: SshDetails;
}

type Waiting = ResolveState & { kind: "waiting" };

/**
 * Waits until an execution runs and tells of its SSH server; yields each state on the way. Once it was found, an API that
 * is out of reach is waited for as well: a network that was away for a while does not end a wait of an hour.
 *
 * @throws AppError `run_ended`; `route_not_ready` when it was not started with SSH; whatever the API's calls throw.
 */
export async function* followExecution(
  client: ApiClient,
  options: FollowOptions,
): AsyncGenerator<Waiting, FoundExecution> {
  const { sleep = realSleep, signal, pollIntervalMs } = options;
  let execution = await getExecution(client, options);
  // From here on the same one is asked for, whatever becomes the latest meanwhile.
  const again = { ...options, counter: execution.counter };
  while (WAITING.has(execution.status)) {
    yield waiting(execution, `execution #${execution.counter} waits to be started`);
    await sleep(pollIntervalMs, signal);
    execution = yield* untilAnswered(() => getExecution(client, again), { execution, options });
  }
  return yield* findServer(client, { options: again, first: execution });
}

async function* findServer(
  client: ApiClient,
  { options, first }: { options: FollowOptions; first: Execution },
): AsyncGenerator<Waiting, FoundExecution> {
  const { sleep = realSleep, random = Math.random, signal } = options;
  let execution = first;
  for (let look = 0;; look++) {
    if (execution.status !== "started") throw await endedError(client, { execution, signal });
    const { events } = yield* untilAnswered(() => getStatusEvents(client, { execution, signal }), {
      execution,
      options,
    });
    const details = findSshDetails(events);
    if (details) return { execution, details };
    if (look === MORE_LOOKS) throw explainNoDetails(execution, await options.debugKeyOf(execution));
    yield waiting(execution, `execution #${execution.counter} runs and does not tell of its SSH server yet`);
    await sleep(MIN_LOOK_MS + random() * (MAX_LOOK_MS - MIN_LOOK_MS), signal);
    execution = yield* untilAnswered(() => getExecution(client, options), { execution, options });
  }
}

/** What `ask` resolves to, as soon as there is an answer; `execution` is what was known of it before. */
async function* untilAnswered<T>(
  ask: () => Promise<T>,
  { execution, options }: { execution: Execution; options: FollowOptions },
): AsyncGenerator<Waiting, T> {
  const { sleep = realSleep, signal, pollIntervalMs } = options;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isOutage(error)) throw error;
      yield waiting(execution, error.message);
      await sleep(pollIntervalMs, signal);
    }
  }
}

function isOutage(error: unknown): error is AppError {
  if (!(error instanceof AppError)) return false;
  return error.code === "dial_failed" || error.code === "timeout" || Number(error.details?.status) >= 500;
}

/** The `run_ended` of an execution, with Valohai's last words about it. */
export async function endedError(
  client: ApiClient,
  { execution, signal }: { execution: Execution; signal?: AbortSignal | undefined },
) {
  const { events } = await getStatusEvents(client, { execution, signal }).catch((): { events: ExecutionEvent[] } => {
    signal?.throwIfAborted();
    return { events: [] }; // That it ended is what matters; its last words would only have said why.
  });
  const message = events.filter((event) => !isMachineMessage(event.message)).at(-1)?.message;
  return explainEnded({ counter: execution.counter, status: execution.status, message });
}

/** True for an execution that will not run any more. */
export function hasEnded({ status }: Execution): boolean {
  return !WAITING.has(status) && status !== "started" && status !== "stopping";
}

function waiting({ status }: Execution, message: string): Waiting {
  return { kind: "waiting", phase: status, message };
}
