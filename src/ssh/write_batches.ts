/** At most so much goes into one write of the stream below: eight packets of 32 KiB, which is what one read gave. */
const LARGE_BYTES = 256 * 1024 + 512;
/** What an idle connection keeps: a keystroke's packets and their like. */
const SMALL_BYTES = 4096;

/**
 * What is to be written, put together piece by piece for few large writes.
 *
 * A piece can be made in place: {@link WriteBatches.room} is where the next one goes. Any other is copied. The memory of
 * bulk data serves again and again, and is let go when there is no more of it.
 */
export class WriteBatches {
  /** Those that are full, the first one first. */
  readonly #full: Uint8Array[] = [];
  #open = new Uint8Array(0);
  #used = 0;
  #taken: Uint8Array | undefined;
  #spare: Uint8Array<ArrayBuffer> | undefined;

  /** Room for a piece of `length` bytes, the caller's until it is added or another one is asked for. */
  room(length: number): Uint8Array {
    if (this.#used + length > this.#open.length) this.#openFor(length);
    return this.#open.subarray(this.#used, this.#used + length);
  }

  /** Adds `piece`, which the caller may change from now on unless it was made in place. */
  add(piece: Uint8Array): void {
    const isInPlace = piece.buffer === this.#open.buffer && piece.byteOffset === this.#open.byteOffset + this.#used;
    if (!isInPlace) this.room(piece.length).set(piece);
    this.#used += piece.length;
  }

  /** The next bytes to write, the caller's until the next call; undefined when there are none. */
  take(): Uint8Array | undefined {
    this.#reuse();
    const full = this.#full.shift();
    if (full) return this.#taken = full;
    if (this.#used === 0) return undefined;
    this.#taken = this.#open.subarray(0, this.#used);
    this.#open = new Uint8Array(0);
    this.#used = 0;
    return this.#taken;
  }

  /** Forgets all that was not taken. */
  clear(): void {
    this.#full.length = 0;
    this.#open = new Uint8Array(0);
    this.#used = 0;
    this.#spare = undefined;
  }

  #openFor(length: number): void {
    if (this.#used > 0) this.#full.push(this.#open.subarray(0, this.#used));
    this.#used = 0;
    const isBulk = length > SMALL_BYTES || this.#full.length > 0;
    if (!isBulk) this.#open = new Uint8Array(SMALL_BYTES);
    else if (length > LARGE_BYTES) this.#open = new Uint8Array(length);
    else this.#open = this.#takeSpare() ?? new Uint8Array(LARGE_BYTES);
  }

  #takeSpare(): Uint8Array<ArrayBuffer> | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare;
  }

  /** What was written can be written to again; a large one is kept only while it carries much. */
  #reuse(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    if (!taken) return;
    if (taken.length <= SMALL_BYTES) this.#spare = undefined;
    else if (taken.buffer.byteLength === LARGE_BYTES) this.#spare = new Uint8Array(taken.buffer as ArrayBuffer);
  }
}
