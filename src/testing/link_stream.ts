import { sleep } from "../base/abort.ts";
import { AppError } from "../base/errors.ts";
import type { ByteStream } from "../stream/byte_stream.ts";

/** What may be under way in one direction: enough for 1 Gbit/s at 100 ms; a narrow link holds less. */
const MAX_UNDER_WAY_BYTES = 16 * 1024 * 1024;
const MIN_UNDER_WAY_BYTES = 64 * 1024;
/** Pieces that a slow link is fed with, so that it flows instead of coming in gushes. */
const PIECE_BYTES = 16 * 1024;

/** What a link is like, the same both ways. */
export interface LinkOptions {
  /** From end to end, in milliseconds. */
  readonly oneWayMs: number;
  /** Infinity for no limit. */
  readonly bytesPerSecond: number;
}

/**
 * `inner` behind a longer and narrower link. Bytes overlap on their way: latency costs round trips, not throughput.
 */
export class LinkStream implements ByteStream {
  readonly #inner: ByteStream;
  readonly #gone = new AbortController();
  readonly #incoming: Lane;
  readonly #outgoing: Lane;

  constructor(inner: ByteStream, options: LinkOptions) {
    this.#inner = inner;
    this.#incoming = new Lane(options, this.#gone.signal);
    this.#outgoing = new Lane(options, this.#gone.signal);
    this.#run(this.#feedIncoming());
    this.#run(this.#drainOutgoing());
  }

  read(): Promise<Uint8Array | null> {
    return this.#incoming.take();
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#outgoing.put(bytes);
  }

  closeWrite(): Promise<void> {
    this.#outgoing.end();
    return Promise.resolve();
  }

  [Symbol.dispose](): void {
    this.#gone.abort(new AppError("tunnel_closed", "The connection was closed"));
    this.#inner[Symbol.dispose]();
  }

  async #feedIncoming(): Promise<void> {
    for (let bytes = await this.#inner.read(); bytes !== null; bytes = await this.#inner.read()) {
      await this.#incoming.put(bytes);
    }
    this.#incoming.end();
  }

  async #drainOutgoing(): Promise<void> {
    for (let bytes = await this.#outgoing.take(); bytes !== null; bytes = await this.#outgoing.take()) {
      await this.#inner.write(bytes);
    }
    if (!this.#gone.signal.aborted) await this.#inner.closeWrite();
  }

  /** A side that fails takes the link with it. */
  #run(work: Promise<void>): void {
    work.catch(() => this[Symbol.dispose]());
  }
}

interface Parcel {
  readonly bytes: Uint8Array;
  /** On the clock of `performance.now()`. */
  readonly dueAt: number;
}

/** One direction. */
class Lane {
  readonly #options: LinkOptions;
  readonly #gone: AbortSignal;
  readonly #maxBytes: number;
  readonly #parcels: Parcel[] = [];
  #bytes = 0;
  #isEnded = false;
  #freeAt = 0;
  #wake: (() => void)[] = [];

  constructor(options: LinkOptions, gone: AbortSignal) {
    this.#options = options;
    this.#gone = gone;
    const fits = options.bytesPerSecond * (options.oneWayMs + 100) / 1000;
    this.#maxBytes = Math.min(MAX_UNDER_WAY_BYTES, Math.max(MIN_UNDER_WAY_BYTES, fits));
    gone.addEventListener("abort", () => this.#notify(), { once: true });
  }

  async put(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      while (this.#bytes > this.#maxBytes && !this.#gone.aborted) await this.#changed();
      this.#gone.throwIfAborted();
      this.#send(bytes.slice(at, at + PIECE_BYTES));
    }
  }

  /** The next bytes when they have arrived; null at the end, or when the link is gone. */
  async take(): Promise<Uint8Array | null> {
    for (;;) {
      if (this.#gone.aborted) return null;
      const [parcel] = this.#parcels;
      if (!parcel && this.#isEnded) return null;
      if (!parcel) {
        await this.#changed();
        continue;
      }
      const waitMs = parcel.dueAt - performance.now();
      if (waitMs <= 0) return this.#shift(parcel);
      await sleep(waitMs, this.#gone).catch(() => {/* the loop sees that the link is gone */});
    }
  }

  end(): void {
    this.#isEnded = true;
    this.#notify();
  }

  #send(bytes: Uint8Array): void {
    const { oneWayMs, bytesPerSecond } = this.#options;
    this.#freeAt = Math.max(this.#freeAt, performance.now()) + bytes.length / bytesPerSecond * 1000;
    this.#parcels.push({ bytes, dueAt: this.#freeAt + oneWayMs });
    this.#bytes += bytes.length;
    this.#notify();
  }

  #shift({ bytes }: Parcel): Uint8Array {
    this.#parcels.shift();
    this.#bytes -= bytes.length;
    this.#notify();
    return bytes;
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resume of wake) resume();
  }
}
