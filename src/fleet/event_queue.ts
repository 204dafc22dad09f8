/** Events that wait for a slow consumer; beyond this many their producers wait too. */
const MAX_WAITING = 64;

/** Many producers, one consumer, bounded. */
export interface EventQueue<T> {
  /** Resolves when there is room for more: whoever awaits it is slowed down to the consumer's pace. */
  push(event: T): Promise<void>;
}

/**
 * The events that `produce` pushes, while it runs, and then those left over; then what it throws, if it throws.
 *
 * A consumer that leaves early aborts the signal that `produce` was given, and waits until it has ended.
 */
export async function* iterateEvents<T>(
  produce: (queue: EventQueue<T>, signal: AbortSignal) => Promise<unknown>,
  signal?: AbortSignal,
): AsyncGenerator<T, void> {
  const left = new AbortController();
  const waiting: T[] = [];
  let wakeConsumer: (() => void) | undefined;
  let wakeProducers: Array<() => void> = [];
  let isDone = false;
  const push = (event: T): Promise<void> => {
    if (left.signal.aborted) return Promise.resolve();
    waiting.push(event);
    wakeConsumer?.();
    return waiting.length < MAX_WAITING ? Promise.resolve() : new Promise((resolve) => wakeProducers.push(resolve));
  };
  const producing = produce({ push }, signal ? AbortSignal.any([signal, left.signal]) : left.signal).finally(() => {
    isDone = true;
    wakeConsumer?.();
  });
  producing.catch(() => {/* thrown to the consumer below */});
  try {
    for (;;) {
      const event = waiting.shift();
      if (event !== undefined) {
        if (waiting.length < MAX_WAITING / 2) wakeProducers = wakeAll(wakeProducers);
        yield event;
      } else if (isDone) break;
      else await new Promise<void>((resolve) => wakeConsumer = resolve);
    }
    await producing;
  } finally {
    left.abort(new DOMException("The consumer of the events left", "AbortError"));
    wakeProducers = wakeAll(wakeProducers);
    await producing.catch(() => {/* thrown above, or the consumer does not want it any more */});
  }
}

function wakeAll(waiting: ReadonlyArray<() => void>): Array<() => void> {
  for (const wake of waiting) wake();
  return [];
}
