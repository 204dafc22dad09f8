import type { ByteStream } from "../../stream/byte_stream.ts";

/** Small packets are put together up to this size before a write: one SSH packet then carries many of them. */
const COALESCE_BYTES = 32 * 1024;

/** What an array of its own costs in memory, about: a flood of tiny packets is bounded by it. */
export const PACKET_OVERHEAD_BYTES = 200;

/**
 * Sends packets in the order given, one write at a time, small ones together.
 *
 * After a write failed, what is sent goes nowhere: the stream is disposed, so that its reader learns of it too.
 */
export class PacketQueue {
  readonly #stream: ByteStream;
  #packets: Uint8Array[] = [];
  #queuedBytes = 0;
  #pumping: Promise<void> | undefined;
  #isFailed = false;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Bytes not yet taken by the stream, with what each packet costs beside them. */
  get queuedBytes(): number {
    return this.#queuedBytes + this.#packets.length * PACKET_OVERHEAD_BYTES;
  }

  send(packet: Uint8Array): void {
    if (this.#isFailed) return;
    this.#packets.push(packet);
    this.#queuedBytes += packet.length;
    this.#pumping ??= this.#pump();
  }

  /** Resolves once everything was taken by the stream, or it failed. */
  async flushed(): Promise<void> {
    await this.#pumping;
  }

  /** Called by the pump after each write: a server resumes reading requests from here. */
  onProgress: () => void = () => {};

  async #pump(): Promise<void> {
    // What else is answered in this turn of the event loop joins the first write.
    await Promise.resolve();
    try {
      while (this.#packets.length > 0) {
        const bytes = this.#nextWrite();
        await this.#stream.write(bytes);
        this.#queuedBytes -= bytes.length;
        this.onProgress();
      }
    } catch {
      // The far end is gone, which the read side sees as the end; nothing can be delivered any more.
      this.#isFailed = true;
      this.#packets = [];
      this.#queuedBytes = 0;
      this.#stream[Symbol.dispose]();
      this.onProgress();
    } finally {
      this.#pumping = undefined;
    }
  }

  #nextWrite(): Uint8Array {
    let count = 0;
    let bytes = 0;
    for (const packet of this.#packets) {
      if (count > 0 && bytes + packet.length > COALESCE_BYTES) break;
      bytes += packet.length;
      count++;
    }
    const taken = this.#packets.splice(0, count);
    if (taken.length === 1 && taken[0]) return taken[0];
    const together = new Uint8Array(bytes);
    let at = 0;
    for (const packet of taken) {
      together.set(packet, at);
      at += packet.length;
    }
    return together;
  }
}
