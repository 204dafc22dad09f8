import { AppError } from "../../base/errors.ts";
import {
  BODY_BYTES,
  DATA_HEADER_BYTES,
  FRAME,
  HEAD_BYTES,
  MAX_PAYLOAD_BYTES,
  readNumber,
  type ResumeFrame,
  SESSION_ID_BYTES,
} from "./protocol.ts";

/** The longest frame that is read whole; payload is handed out as it comes. */
const LONGEST_BYTES = HEAD_BYTES + SESSION_ID_BYTES + 12;

/** Takes frames out of a stream of bytes, however it is cut. Keeps nothing but a frame's first bytes. */
export class FrameReader {
  readonly #head = new Uint8Array(LONGEST_BYTES);
  #headLength = 0;
  #needed = HEAD_BYTES;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #payloadLeft = 0;
  #sequence = 0;
  #ack = 0;

  /** Adds what was read; only once {@link next} has found nothing more in the last. */
  feed(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#at = 0;
  }

  /**
   * The next frame, or undefined when more bytes are needed. A payload is a part of what was fed.
   *
   * @throws AppError `protocol`
   */
  next(): ResumeFrame | undefined {
    while (this.#at < this.#bytes.length) {
      if (this.#payloadLeft > 0) return this.#takePayload();
      const count = Math.min(this.#needed - this.#headLength, this.#bytes.length - this.#at);
      this.#head.set(this.#bytes.subarray(this.#at, this.#at + count), this.#headLength);
      this.#headLength += count;
      this.#at += count;
      if (this.#headLength < this.#needed) return undefined;
      if (this.#needed === HEAD_BYTES) this.#readHead();
      else {
        const frame = this.#finishHead();
        if (frame) return frame;
      }
    }
    return undefined;
  }

  #takePayload(): ResumeFrame {
    const length = Math.min(this.#payloadLeft, this.#bytes.length - this.#at);
    const payload = this.#bytes.subarray(this.#at, this.#at + length);
    const sequence = this.#sequence;
    this.#at += length;
    this.#payloadLeft -= length;
    this.#sequence += length;
    return { kind: "data", sequence, ack: this.#ack, payload };
  }

  #readHead(): void {
    const type = this.#head[0] ?? 0;
    const length = this.#bodyLength;
    if (type === FRAME.data) {
      const payload = length - (DATA_HEADER_BYTES - HEAD_BYTES);
      if (payload < 1 || payload > MAX_PAYLOAD_BYTES) throw refuse(`a DATA frame with ${payload} bytes`);
      this.#needed = DATA_HEADER_BYTES;
      return;
    }
    const wanted = BODY_BYTES[type];
    if (wanted === undefined) throw refuse(`a frame of the unknown type ${type}`);
    if (length !== wanted) throw refuse(`a frame of type ${type} with ${length} bytes: needed ${wanted}`);
    this.#needed = HEAD_BYTES + length;
  }

  get #bodyLength(): number {
    return ((this.#head[1] ?? 0) << 16) | ((this.#head[2] ?? 0) << 8) | (this.#head[3] ?? 0);
  }

  #finishHead(): ResumeFrame | undefined {
    const length = this.#bodyLength;
    this.#headLength = 0;
    this.#needed = HEAD_BYTES;
    switch (this.#head[0]) {
      case FRAME.data:
        this.#sequence = this.#number(0);
        this.#ack = this.#number(8);
        this.#payloadLeft = length - 16;
        return undefined;
      case FRAME.ack:
        return { kind: "ack", ack: this.#number(0) };
      case FRAME.fin:
        return { kind: "fin", sequence: this.#number(0), ack: this.#number(8) };
      case FRAME.close:
        return { kind: "close", code: this.#head[HEAD_BYTES] ?? 0 };
      case FRAME.resume:
        return { kind: "resume", id: this.#id(), received: this.#number(SESSION_ID_BYTES) };
      default: {
        const view = new DataView(this.#head.buffer);
        const holdSeconds = view.getUint32(HEAD_BYTES + SESSION_ID_BYTES + 8);
        return { kind: "welcome", id: this.#id(), received: this.#number(SESSION_ID_BYTES), holdSeconds };
      }
    }
  }

  #id(): Uint8Array {
    return this.#head.slice(HEAD_BYTES, HEAD_BYTES + SESSION_ID_BYTES);
  }

  #number(at: number): number {
    const value = readNumber(this.#head, HEAD_BYTES + at);
    if (Number.isNaN(value)) throw refuse("a sequence number above 2^53");
    return value;
  }
}

/** The error for a far side that does not keep to docs/resume.md. */
export function refuse(what: string): AppError {
  return new AppError("protocol", `The far side broke the resume protocol: it sent ${what}`);
}
