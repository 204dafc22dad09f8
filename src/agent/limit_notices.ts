const EVERY_MS = 60_000;

/** Tells that a limit was reached: once a minute for each, however often that happens. */
export class LimitNotices {
  readonly #tell: (line: string) => void;
  readonly #last = new Map<string, { at: number; untold: number }>();

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  /** `limit` is the option that sets it, such as `--max-sessions`. */
  add(limit: string, line: string): void {
    const now = performance.now();
    const last = this.#last.get(limit);
    if (last && now - last.at < EVERY_MS) return void last.untold++;
    const more = last?.untold ? `, and ${last.untold} times more since the last time` : "";
    this.#last.set(limit, { at: now, untold: 0 });
    this.#tell(`${line} (${limit})${more}`);
  }
}
