/** What ends a proxy: `ssh` sends SIGHUP to its ProxyCommand when it leaves, a terminal SIGINT to all in the foreground. */
const SIGNALS: readonly (readonly [name: Deno.Signal, number: number])[] = Deno.build.os === "windows"
  ? [["SIGINT", 2]]
  : [["SIGHUP", 1], ["SIGINT", 2], ["SIGTERM", 15]];

/** Tells that the process was asked to leave, and with which status. */
export class LeavingBySignal {
  /** As a shell counts: 128 and the signal's number. */
  readonly status: number;

  constructor(number: number) {
    this.status = 128 + number;
  }
}

/**
 * From the first {@link SignalExit.listen} on, a signal that would end the process aborts `signal` with a
 * {@link LeavingBySignal}: a session has to be taken leave of, or the agent holds it for nobody.
 */
export class SignalExit implements Disposable {
  readonly #controller = new AbortController();
  readonly #listeners: [Deno.Signal, () => void][] = [];

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  listen(): void {
    if (this.#listeners.length > 0) return;
    for (const [name, number] of SIGNALS) {
      const onSignal = () => this.#controller.abort(new LeavingBySignal(number));
      this.#listeners.push([name, onSignal]);
      Deno.addSignalListener(name, onSignal);
    }
  }

  [Symbol.dispose](): void {
    for (const [name, onSignal] of this.#listeners.splice(0)) Deno.removeSignalListener(name, onSignal);
  }
}
