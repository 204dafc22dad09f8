import { refuse } from "./frame_reader.ts";
import { DATA_HEADER_BYTES, MAX_UNACKED_BYTES, writeDataHeader } from "./protocol.ts";

/** Keystrokes and requests share one of these; idle sessions, of which there may be hundreds, keep no more. */
const SMALL_SLAB_BYTES = 4096;
/** Bulk data: the largest write of those above, and room for headers. */
const LARGE_SLAB_BYTES = 256 * 1024 + 1024;
/** One frame is one write to the connection: more at once gains nothing there. */
const MAX_FRAME_PAYLOAD_BYTES = 256 * 1024;
/** Counted for each frame besides its payload, so that a million keystrokes are bounded as well. */
const FRAME_COST_BYTES = 128;
/** Slabs kept for the next bulk data, 8 MiB of them: a new one costs more than filling it, for the system clears its pages. */
const MAX_SPARE_SLABS = 32;

interface Slab {
  readonly bytes: Uint8Array;
  used: number;
  frames: number;
}

interface StoredFrame {
  readonly slab: Slab;
  /** Where its payload begins and ends; there is room for a header in front. */
  start: number;
  end: number;
  /** Of its first byte. */
  sequence: number;
}

/**
 * What was written and is not acknowledged, as frames that can be sent as they lie: bytes are copied once, into a place
 * with room for the header in front, which is written anew whenever the frame is sent.
 */
export class ReplayBuffer {
  #frames: StoredFrame[] = [];
  /** Frames before this one were acknowledged. */
  #first = 0;
  /** The next frame to send. */
  #next = 0;
  #slab: Slab | undefined;
  readonly #spare: Slab[] = [];
  /** The number of the next byte to be written. */
  #end = 0;
  /** All before this number is acknowledged. */
  #acked = 0;
  /** The number behind the last byte ever sent: nobody can acknowledge more. */
  #sentEnd = 0;

  constructor(readonly maxBytes: number = MAX_UNACKED_BYTES) {}

  /** The number of the next byte to be written: how many there were so far. */
  get end(): number {
    return this.#end;
  }

  /** All before this number is acknowledged. */
  get acked(): number {
    return this.#acked;
  }

  /** The number behind the last byte that was ever sent. */
  get sentEnd(): number {
    return this.#sentEnd;
  }

  /** How many bytes wait to be sent on this connection. */
  get unsentBytes(): number {
    const frame = this.#frames[this.#next];
    return frame ? this.#end - frame.sequence : 0;
  }

  /** How many bytes {@link append} would take now. */
  get room(): number {
    const held = this.#end - this.#acked + (this.#frames.length - this.#first) * FRAME_COST_BYTES;
    return Math.max(0, this.maxBytes - held);
  }

  /** Copies `bytes` behind what is there; the caller has looked at {@link room}. */
  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const frame = this.#openFrame(bytes.length - at);
      const count = Math.min(
        bytes.length - at,
        frame.slab.bytes.length - frame.end,
        MAX_FRAME_PAYLOAD_BYTES - (frame.end - frame.start),
      );
      frame.slab.bytes.set(bytes.subarray(at, at + count), frame.end);
      frame.end += count;
      frame.slab.used = frame.end;
      this.#end += count;
      at += count;
    }
  }

  /** The next frame to send, header and payload, or undefined. Its bytes stay as they are until it is acknowledged. */
  take(ack: number): Uint8Array | undefined {
    const frame = this.#frames[this.#next];
    if (!frame) return undefined;
    this.#next++;
    const { slab, start, end, sequence } = frame;
    this.#sentEnd = Math.max(this.#sentEnd, sequence + end - start);
    writeDataHeader(slab.bytes, start - DATA_HEADER_BYTES, { sequence, ack, length: end - start });
    return slab.bytes.subarray(start - DATA_HEADER_BYTES, end);
  }

  /** Lets go of all before `ack`. @throws AppError `protocol` for more than was ever sent. */
  acknowledge(ack: number): void {
    if (ack > this.#sentEnd) throw refuse("an acknowledgement of bytes that were not sent");
    if (ack <= this.#acked) return;
    this.#acked = ack;
    for (let frame = this.#frames[this.#first]; frame; frame = this.#frames[this.#first]) {
      if (frame.sequence + frame.end - frame.start > ack) break;
      this.#first++;
      this.#release(frame.slab);
    }
    if (this.#next < this.#first) this.#next = this.#first;
    // Bulk data seldom empties the buffer, keystrokes always do: they give back, one by one, what it has left behind.
    if (this.#first === this.#frames.length) this.#spare.pop();
    if (this.#first > 64 && this.#first * 2 > this.#frames.length) {
      this.#frames = this.#frames.slice(this.#first);
      this.#next -= this.#first;
      this.#first = 0;
    }
  }

  /**
   * Goes back to send all from `received` on over a new connection; from what was acknowledged if that is more: a far
   * side that still reads the old connection while it asks for the new one may have acknowledged more since it asked.
   *
   * @throws AppError `protocol` for more than was ever sent.
   */
  rewind(received: number): void {
    this.acknowledge(received);
    this.#next = this.#first;
    const frame = this.#frames[this.#first];
    if (!frame || frame.sequence >= this.#acked) return;
    // The header goes where bytes that have arrived were.
    frame.start += this.#acked - frame.sequence;
    frame.sequence = this.#acked;
  }

  /** Lets go of everything: the session is over. */
  clear(): void {
    this.#frames = [];
    this.#spare.length = 0;
    this.#slab = undefined;
    this.#first = this.#next = 0;
  }

  /** A frame that was not sent yet and has room: the last one, or a new one. */
  #openFrame(wanted: number): StoredFrame {
    const last = this.#frames.at(-1);
    const isOpen = last && this.#next < this.#frames.length && last.slab === this.#slab &&
      last.end < last.slab.bytes.length && last.end - last.start < MAX_FRAME_PAYLOAD_BYTES;
    if (isOpen) return last;
    const slab = this.#slabFor(wanted);
    const start = slab.used + DATA_HEADER_BYTES;
    const frame = { slab, start, end: start, sequence: this.#end };
    slab.frames++;
    this.#frames.push(frame);
    return frame;
  }

  #slabFor(wanted: number): Slab {
    const current = this.#slab;
    // A few bytes at a slab's end are not worth a frame of their own, unless they are all that is wanted.
    const useful = DATA_HEADER_BYTES + Math.min(wanted, SMALL_SLAB_BYTES);
    if (current && current.bytes.length - current.used >= useful) return current;
    if (current?.frames === 0) this.#recycle(current);
    const isSmall = DATA_HEADER_BYTES + wanted <= SMALL_SLAB_BYTES / 2;
    const slab = (isSmall ? undefined : this.#spare.pop()) ??
      { bytes: new Uint8Array(isSmall ? SMALL_SLAB_BYTES : LARGE_SLAB_BYTES), used: 0, frames: 0 };
    this.#slab = slab;
    return slab;
  }

  #release(slab: Slab): void {
    slab.frames--;
    if (slab.frames > 0) return;
    if (slab === this.#slab) slab.used = 0;
    else this.#recycle(slab);
  }

  #recycle(slab: Slab): void {
    slab.used = 0;
    if (slab.bytes.length === LARGE_SLAB_BYTES && this.#spare.length < MAX_SPARE_SLABS) this.#spare.push(slab);
  }
}
