import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { Turns } from "../base/turns.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { FirstLines } from "./first_lines.ts";
import { WriteBatches } from "./write_batches.ts";

/** Above this many unwritten bytes {@link StreamDuplex.isCongested} holds; ssh2 itself asks nobody before it writes. */
const HIGH_WATER_BYTES = 1024 * 1024;
/** A millisecond's work, about: after so much of one far side all others get a turn. */
const TURN_BYTES = 512 * 1024;
/** Above it nothing more is read: what waits are then answers to questions of a far side that does not read. */
const MAX_PENDING_BYTES = 8 * 1024 * 1024;

/** What ssh2 knows of its transport: a Node socket, as far as it uses one. Tells "ending" once this side has ended. */
export interface StreamDuplex extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** How long the far side takes to answer, once somebody has measured it. */
  roundTripMs: number | undefined;
  setNoDelay(): this;
  setTimeout(): this;
  /** Room for what is written next: a piece that was made there is not copied. */
  room(length: number): Uint8Array;
  /** True while more than 1 MiB waits to be written. */
  readonly isCongested: boolean;
  /** Resolves once little enough waits to be written, or the transport is gone. */
  whenDrained(): Promise<void>;
}

/** Options of {@link toDuplex}. */
export interface ToDuplexOptions {
  readonly remote?: { readonly hostname: string; readonly port: number } | undefined;
}

/**
 * `stream` as the socket that ssh2 wants (`sock:` of its client, `injectSocket` of its server).
 *
 * Owns `stream`: it is disposed with the duplex. ssh2 writes a packet in up to three pieces; all that is written in one
 * turn leaves as one write. There is no Nagle here to switch off: the stream below has TCP_NODELAY set already.
 */
export function toDuplex(stream: ByteStream, { remote }: ToDuplexOptions = {}): StreamDuplex {
  return new ByteStreamDuplex(stream, remote);
}

class ByteStreamDuplex extends Duplex implements StreamDuplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: string | undefined;
  roundTripMs: number | undefined;
  readonly #stream: ByteStream;
  readonly #batches = new WriteBatches();
  #pendingBytes = 0;
  #flushing: Promise<void> | undefined;
  #reading = false;
  #waiting: Array<() => void> = [];
  readonly #firstLines = new FirstLines();
  readonly #turns = new Turns(TURN_BYTES);
  #isEnding = false;

  constructor(stream: ByteStream, remote: ToDuplexOptions["remote"]) {
    super({ emitClose: true, allowHalfOpen: true });
    this.#stream = stream;
    this.remoteAddress = remote?.hostname;
    this.remotePort = remote?.port;
    this.remoteFamily = remote ? (remote.hostname.includes(":") ? "IPv6" : "IPv4") : undefined;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  room(length: number): Uint8Array {
    return this.#batches.room(length);
  }

  get isCongested(): boolean {
    return this.#pendingBytes > HIGH_WATER_BYTES;
  }

  whenDrained(): Promise<void> {
    if (!this.isCongested || this.destroyed) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  // Replaces Writable's own queue, which would hand the first piece of every packet down alone.
  override write(chunk: Uint8Array): boolean {
    if (this.destroyed || this.writableEnded) return false;
    this.#batches.add(chunk);
    this.#pendingBytes += chunk.length;
    this.#flushing ??= Promise.resolve().then(() => this.#flush());
    return !this.isCongested;
  }

  async #flush(): Promise<void> {
    try {
      for (let bytes = this.#batches.take(); bytes && !this.destroyed; bytes = this.#batches.take()) {
        await this.#stream.write(bytes);
        this.#pendingBytes -= bytes.length;
        if (!this.isCongested) this.#wake();
      }
    } catch (error) {
      this.destroy(asError(error));
    } finally {
      this.#flushing = undefined;
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#readNext().then((bytes) => {
      this.#reading = false;
      if (!this.destroyed) this.push(bytes);
    }, (error) => this.destroy(asError(error)));
  }

  async #readNext(): Promise<Uint8Array | null> {
    for (;;) {
      if (this.#pendingBytes > MAX_PENDING_BYTES) await this.#flushing;
      const bytes = await this.#stream.read();
      if (bytes === null) return null;
      // ssh2 keeps pieces of what it is given; the array belongs to the stream.
      const kept = Buffer.from(bytes);
      await this.#turns.after(kept.length);
      // ssh2 goes on parsing what it has given up on, and fails for each piece anew.
      if (this.#isEnding) continue;
      const whole = this.#firstLines.add(kept);
      if (whole.length > 0) return whole;
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#isEnding = true;
    this.emit("ending");
    const closeWrite = async () => {
      await this.#flushing;
      await this.#stream.closeWrite();
    };
    closeWrite().then(() => done(), (error) => done(asError(error)));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#batches.clear();
    this.#pendingBytes = 0;
    this.#wake();
    this.#stream[Symbol.dispose]();
    done(error);
  }
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
