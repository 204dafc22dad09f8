/** Where bytes come from: a `Deno.Conn` is one. */
export interface ByteSource {
  read(into: Uint8Array): Promise<number | null>;
}

/** Bytes read ahead of what was asked for, kept until they are consumed. Grows by doubling: adding is linear in all. */
export class BufferedSource {
  #bytes = new Uint8Array(4096);
  #start = 0;
  #end = 0;

  constructor(readonly source: ByteSource) {}

  /** All that was read and not consumed. Valid until the next `fill`. */
  get buffered(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** Reads once and adds what came; false at the end of the stream. */
  async fill(): Promise<boolean> {
    if (this.#end === this.#bytes.length) this.#makeRoom();
    const count = await this.source.read(this.#bytes.subarray(this.#end));
    if (count === null) return false;
    this.#end += count;
    return true;
  }

  /** Drops the first `count` buffered bytes. */
  consume(count: number): void {
    this.#start = Math.min(this.#start + count, this.#end);
  }

  #makeRoom(): void {
    const rest = this.buffered;
    const roomier = new Uint8Array(Math.max(4096, rest.length * 2));
    roomier.set(rest);
    this.#bytes = roomier;
    this.#start = 0;
    this.#end = rest.length;
  }
}

/** Reads exactly `length` bytes; null if the stream ends before. */
export async function readExactly(source: BufferedSource, length: number): Promise<Uint8Array | null> {
  while (source.buffered.length < length) {
    if (!await source.fill()) return null;
  }
  const bytes = source.buffered.slice(0, length);
  source.consume(length);
  return bytes;
}
