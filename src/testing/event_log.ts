import { orAbort } from "../base/abort.ts";
import { AppError } from "../base/errors.ts";
import { isEventOf, type TestEvent, type TestEventType, type TestEventTypes } from "./events.ts";

/** Older events are dropped beyond this many: a server that runs for long must not grow. */
const MAX_EVENTS = 100_000;
const DEFAULT_TIMEOUT_MS = 10_000;

/** Options of {@link EventLog.waitFor}. */
export interface WaitForOptions<T extends TestEventType> {
  /** Only events that this says yes to count. */
  readonly where?: (event: TestEvent<T>) => boolean;
  /** The how manieth such event it is to be, those that happened before included; 1. */
  readonly count?: number;
  /** 10 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

interface Waiter {
  readonly notice: (event: TestEvent) => void;
}

/** What happened on a test server, in order, to look at and to wait for. */
export class EventLog {
  readonly #events: TestEvent[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #listeners = new Set<(event: TestEvent) => void>();

  /** All so far, oldest first. */
  get all(): readonly TestEvent[] {
    return this.#events;
  }

  /** Those of one type. */
  of<T extends TestEventType>(type: T): TestEvent<T>[] {
    return this.#events.filter((event) => isEventOf(event, type));
  }

  add<T extends TestEventType>(type: T, facts: TestEventTypes[T]): void {
    // Typed by the mapped type it is a member of; the compiler cannot follow T through the spread.
    const event = { type, at: Date.now(), ...facts } as TestEvent;
    this.#events.push(event);
    if (this.#events.length > MAX_EVENTS) this.#events.splice(0, MAX_EVENTS / 10);
    for (const { notice } of [...this.#waiters]) notice(event);
    for (const listener of this.#listeners) tell(listener, event);
  }

  /** Calls `listener` for every event from now on. What it throws fails the test, not the client that it was told of. */
  onEvent(listener: (event: TestEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Forgets what happened so far. */
  clear(): void {
    this.#events.length = 0;
  }

  /**
   * The first event of `type` that fits, also if it has happened already: so nothing is missed, and no test sleeps.
   *
   * @throws AppError `timeout`, which tells what happened instead; the signal's reason
   */
  async waitFor<T extends TestEventType>(type: T, options: WaitForOptions<T> = {}): Promise<TestEvent<T>> {
    const { where = () => true, count = 1, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    const found = Promise.withResolvers<TestEvent<T>>();
    let seen = 0;
    const notice = (event: TestEvent) => {
      if (isEventOf(event, type) && where(event) && ++seen === count) found.resolve(event);
    };
    for (const event of this.#events) notice(event);
    const waiter = { notice };
    this.#waiters.add(waiter);
    const timer = setTimeout(() => found.reject(this.#late(type, { count, seen, timeoutMs })), timeoutMs);
    try {
      return await orAbort(found.promise, signal);
    } finally {
      clearTimeout(timer);
      this.#waiters.delete(waiter);
    }
  }

  #late(type: string, { count, seen, timeoutMs }: { count: number; seen: number; timeoutMs: number }): AppError {
    const last = this.#events.slice(-8).map((event) => event.type).join(", ") || "nothing";
    return new AppError(
      "timeout",
      `Waited ${timeoutMs} ms for ${count} event(s) ${JSON.stringify(type)} that fit: there were ${seen}`,
      { hint: `The last events were: ${last}` },
    );
  }
}

function tell(listener: (event: TestEvent) => void, event: TestEvent): void {
  try {
    listener(event);
  } catch (error) {
    reportError(error);
  }
}
