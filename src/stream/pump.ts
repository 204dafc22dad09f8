import { orAbort } from "../base/abort.ts";
import type { ByteStream } from "./byte_stream.ts";

/** How many bytes went each way. */
export interface PumpResult {
  readonly aToB: number;
  readonly bToA: number;
}

/** Options of {@link pump}. */
export interface PumpOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called when nothing has moved either way for `afterMs`, once for each such time. */
  readonly idle?: { readonly afterMs: number; readonly notify: () => void } | undefined;
}

/**
 * Copies all of `from` to `to` and passes the half-close on; returns the number of bytes.
 *
 * What one read gave is written before the next read: nothing is queued or copied here.
 */
export async function copyBytes(from: ByteStream, to: ByteStream, onBytes?: (count: number) => void): Promise<number> {
  let total = 0;
  for (let bytes = await from.read(); bytes !== null; bytes = await from.read()) {
    await to.write(bytes);
    total += bytes.length;
    onBytes?.(bytes.length);
  }
  await to.closeWrite();
  return total;
}

/**
 * Joins two streams until both directions have ended, then closes both; owns them from the first moment.
 *
 * One side that fails, or the signal, closes both at once.
 * @throws what the side that failed first threw, or the signal's reason
 */
export async function pump(a: ByteStream, b: ByteStream, { signal, idle }: PumpOptions = {}): Promise<PumpResult> {
  const dispose = () => {
    a[Symbol.dispose]();
    b[Symbol.dispose]();
  };
  const watch = idle ? new IdleWatch(idle) : undefined;
  const onBytes = watch ? () => watch.touch() : undefined;
  const directions = [copyBytes(a, b, onBytes), copyBytes(b, a, onBytes)] as const;
  try {
    const [aToB, bToA] = await orAbort(Promise.all(directions), signal);
    return { aToB, bToA };
  } finally {
    watch?.[Symbol.dispose]();
    dispose();
    await Promise.allSettled(directions);
  }
}

/** Tells once when nothing was touched for a while, and again after the next touch. */
class IdleWatch implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #isTouched = true;
  #isTold = false;

  constructor({ afterMs, notify }: { readonly afterMs: number; readonly notify: () => void }) {
    this.#timer = setInterval(() => {
      if (this.#isTouched) {
        this.#isTouched = this.#isTold = false;
      } else if (!this.#isTold) {
        this.#isTold = true;
        notify();
      }
    }, afterMs);
  }

  touch(): void {
    this.#isTouched = true;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
