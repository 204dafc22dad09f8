/** Stands in for `AbortSignal.timeout`, on which all of porthole's clocks run, until it is disposed. */
export class FakeTimers implements Disposable {
  nowMs = 0;
  readonly #real = AbortSignal.timeout;
  #due: { atMs: number; controller: AbortController }[] = [];

  constructor() {
    AbortSignal.timeout = (ms) => {
      const controller = new AbortController();
      this.#due.push({ atMs: this.nowMs + ms, controller });
      return controller.signal;
    };
  }

  /** Lets `ms` go by: each timer fires at its time, and what follows from it has happened before the next one does. */
  async advance(ms: number): Promise<void> {
    for (const endMs = this.nowMs + ms;;) {
      this.#due.sort((a, b) => a.atMs - b.atMs);
      const next = this.#due[0];
      if (!next || next.atMs > endMs) {
        this.nowMs = endMs;
        return;
      }
      this.#due.shift();
      this.nowMs = next.atMs;
      next.controller.abort(new DOMException("Signal timed out.", "TimeoutError"));
      await settled();
    }
  }

  [Symbol.dispose](): void {
    AbortSignal.timeout = this.#real;
  }
}

/** Resolves behind all that is waiting in this moment: a task comes after every microtask. */
async function settled(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  await new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
  port1.close();
  port2.close();
}
