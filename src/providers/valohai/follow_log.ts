import { sleep as realSleep } from "../../base/abort.ts";
import { getEvents, getExecution } from "./api.ts";
import type { ApiClient } from "./api_client.ts";
import { hasEnded } from "./follow_execution.ts";
import { isMachineMessage } from "./ssh_details.ts";
import type { Execution, ExecutionEvent } from "./wire.ts";

const LOG_POLL_MS = 2_000;

/** Options of {@link followLog}. */
export interface FollowLogOptions {
  readonly projectId: string;
  readonly execution: Execution;
  /** Goes on until the execution has ended. */
  readonly follow: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** The lines of an execution's log, each once, from the beginning. */
export async function* followLog(
  client: ApiClient,
  { projectId, execution, follow, signal, sleep = realSleep }: FollowLogOptions,
): AsyncGenerator<string> {
  const seen = new Map<string, number>();
  for (let current = execution;;) {
    // The status is older than the log that is read next: when it says "ended", that log is whole.
    const isLast = !follow || hasEnded(current);
    const { events } = await getEvents(client, { execution, signal });
    for (const event of newEvents(events, seen)) if (!isMachineMessage(event.message)) yield* lines(event.message);
    if (isLast) return;
    await sleep(LOG_POLL_MS, signal);
    current = await getExecution(client, { projectId, counter: execution.counter, signal });
  }
}

/** Events have no id: the same line at the same time may well stand there twice, so they are counted. */
function* newEvents(events: readonly ExecutionEvent[], seen: Map<string, number>): Iterable<ExecutionEvent> {
  const counts = new Map<string, number>();
  for (const event of events) {
    const key = `${event.stream} ${event.time} ${event.message}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (count <= (seen.get(key) ?? 0)) continue;
    seen.set(key, count);
    yield event;
  }
}

function lines(message: string): string[] {
  return message.replace(/\r?\n$/, "").split(/\r?\n/);
}
