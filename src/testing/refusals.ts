/** How often it was asked that nobody may connect; told on the first, and when the last is taken back. */
export class Refusals {
  #count = 0;

  constructor(readonly onChange: (isRefusing: boolean) => void) {}

  get isRefusing(): boolean {
    return this.#count > 0;
  }

  /** One more, until disposed. */
  add(): Disposable {
    if (this.#count++ === 0) this.onChange(true);
    let isOver = false;
    return {
      [Symbol.dispose]: () => {
        if (isOver || this.#count === 0) return;
        isOver = true;
        if (--this.#count === 0) this.onChange(false);
      },
    };
  }

  clear(): void {
    if (this.#count === 0) return;
    this.#count = 0;
    this.onChange(false);
  }
}
