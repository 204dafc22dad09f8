import { MAX_TIMER_MS } from "./every.ts";

/** Resolves after `ms`; rejects with the signal's reason as soon as it aborts. Leaves no timer and no listener behind. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, Math.min(ms, MAX_TIMER_MS));
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * Settles as `promise` does, or rejects with the signal's reason if that comes first.
 *
 * `promise` itself goes on: the caller must make what it waits for end. Its late rejection is not reported as unhandled.
 */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** A signal with a limit of time. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** Takes the limit away; the parent still counts. */
  lift(): void;
}

/** A signal that aborts with `reason()` after `ms`, or with its parent. Dispose it: then it never does by itself. */
export function deadline(
  ms: number,
  { signal, reason }: { signal?: AbortSignal | undefined; reason: () => unknown },
): Deadline {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  // Not setTimeout: its first use loads Node's timers, 8 to 17 ms of every start of the proxy (measured, Deno 2.9.6).
  const late = Number.isFinite(ms) ? AbortSignal.timeout(Math.min(ms, MAX_TIMER_MS)) : undefined;
  const onLate = () => controller.abort(reason());
  late?.addEventListener("abort", onLate, { once: true });
  const lift = () => late?.removeEventListener("abort", onLate);
  return {
    signal: controller.signal,
    lift,
    [Symbol.dispose]() {
      lift();
      signal?.removeEventListener("abort", onAbort);
    },
  };
}
