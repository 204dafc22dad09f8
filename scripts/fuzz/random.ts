/** Random numbers that come again with the same seed (sfc32, PractRand's). */
export class Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #count = 1;

  /** `parts` in this order make the seed. */
  constructor(...parts: ReadonlyArray<number | string>) {
    for (const part of parts) {
      const text = String(part);
      for (let at = 0; at < text.length; at++) this.#a = Math.imul(this.#a ^ text.charCodeAt(at), 0x01000193);
      this.#b ^= this.#a;
      this.#c = (this.#c + this.#a) | 0;
      for (let i = 0; i < 12; i++) this.#next();
    }
  }

  /** A whole number from 0 up to but without `end`. */
  below(end: number): number {
    return Math.floor((this.#next() / 2 ** 32) * end);
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at++) bytes[at] = this.#next();
    return bytes;
  }

  /** `bytes` cut into pieces at random. */
  cut(bytes: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    // A quarter of a million pieces would only take time.
    const most = this.pick(bytes.length > 20_000 ? [300, 4096, Infinity] : [1, 3, 64, 4096, Infinity]) ?? 1;
    for (let at = 0; at < bytes.length;) {
      const length = most === Infinity ? bytes.length : 1 + this.below(most);
      pieces.push(bytes.slice(at, at + length));
      at += length;
    }
    return pieces;
  }

  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#count++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}
