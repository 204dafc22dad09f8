import { AppError } from "../base/errors.ts";
import type { ByteStream } from "./byte_stream.ts";

/** What each direction holds before `write` waits. */
const MAX_BUFFERED_BYTES = 65_536;

/** Two ends of one connection inside the process: what one writes the other reads, with bounded buffers. */
export function createMemoryPair(
  { maxBufferedBytes = MAX_BUFFERED_BYTES }: { readonly maxBufferedBytes?: number } = {},
): [
  ByteStream,
  ByteStream,
] {
  const there = new MemoryPipe(maxBufferedBytes);
  const back = new MemoryPipe(maxBufferedBytes);
  return [new MemoryEnd(back, there), new MemoryEnd(there, back)];
}

class MemoryEnd implements ByteStream {
  constructor(readonly incoming: MemoryPipe, readonly outgoing: MemoryPipe) {}

  read(): Promise<Uint8Array | null> {
    return this.incoming.read();
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.outgoing.write(bytes);
  }

  closeWrite(): Promise<void> {
    this.outgoing.end();
    return Promise.resolve();
  }

  [Symbol.dispose](): void {
    this.outgoing.end();
    this.incoming.destroy();
  }
}

/** One direction. A write waits until its bytes fit, however large it is: it is fed in as room appears. */
class MemoryPipe {
  readonly #chunks: Uint8Array[] = [];
  #buffered = 0;
  #isEnded = false;
  #isDestroyed = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  constructor(readonly maxBytes: number) {}

  async read(): Promise<Uint8Array | null> {
    while (this.#chunks.length === 0) {
      if (this.#isEnded || this.#isDestroyed) return null;
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
    const bytes = this.#chunks.shift() ?? new Uint8Array(0);
    this.#buffered -= bytes.length;
    this.#wakeWriter?.();
    return bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#isEnded || this.#isDestroyed) {
        throw new AppError("tunnel_closed", "The other end of the stream is closed");
      }
      const room = this.maxBytes - this.#buffered;
      if (room > 0) {
        const piece = bytes.slice(at, at + room);
        this.#chunks.push(piece);
        this.#buffered += piece.length;
        at += piece.length;
        this.#wakeReader?.();
      } else {
        await new Promise<void>((resolve) => this.#wakeWriter = resolve);
      }
    }
  }

  end(): void {
    this.#isEnded = true;
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#chunks.length = 0;
    this.#buffered = 0;
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }
}
