import type { ByteStream } from "../stream/byte_stream.ts";

/** An SSH client says its version and its first key exchange before it waits: some 2 KiB. */
const MAX_EARLY_BYTES = 65_536;

/**
 * Reads a stream from the first moment, so that its end is noticed while nobody wants its bytes yet; keeps at most
 * 64 KiB and one read, then waits. Once read, it hands out what it kept and goes on without copying.
 */
export class EarlyReader {
  /** Settles when the stream ends or fails before anybody has read from it; else never. */
  readonly ended: Promise<void>;
  readonly #stream: ByteStream;
  readonly #kept: Uint8Array[] = [];
  readonly #watching: Promise<void>;
  #isClaimed = false;
  #isEnded = false;
  #failure: unknown;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#watching = this.#watch(resolve);
  }

  /** The next bytes, null at the end; as `ByteStream.read`. */
  async read(): Promise<Uint8Array | null> {
    this.#isClaimed = true;
    const kept = this.#kept.shift();
    if (kept) return kept;
    if (!this.#isEnded) await this.#watching;
    const late = this.#kept.shift();
    if (late) return late;
    if (this.#failure !== undefined) throw this.#failure;
    return this.#isEnded ? null : await this.#stream.read();
  }

  async #watch(onEnd: () => void): Promise<void> {
    let total = 0;
    try {
      while (!this.#isClaimed && total < MAX_EARLY_BYTES) {
        const bytes = await this.#stream.read();
        if (bytes === null) {
          this.#isEnded = true;
          return onEnd();
        }
        this.#kept.push(bytes.slice());
        total += bytes.length;
      }
    } catch (error) {
      this.#failure = error;
      this.#isEnded = true;
      onEnd();
    }
  }
}
