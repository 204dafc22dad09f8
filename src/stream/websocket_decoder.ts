import { AppError } from "../base/errors.ts";
import { applyMask, MAX_CONTROL_BYTES, MAX_HEADER_BYTES, OPCODE, rotateMask } from "./websocket_frame.ts";

/** Close codes that an endpoint may send (RFC 6455 7.4, and 1012 to 1014 of the IANA registry). */
const SENDABLE_CLOSE_CODE = (code: number) =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) || (code >= 3000 && code <= 4999);

/** Options of {@link FrameDecoder}. */
export interface FrameDecoderOptions {
  /**
   * `client` keeps to RFC 6455: the frames must not be masked, reserved bits are zero, fragments in order.
   * `server` is as lenient as the pods of docs/wire.md: masked or not, FIN and reserved bits are not looked at.
   */
  readonly role: "client" | "server";
  readonly maxFrameBytes: number;
  /** A whole control frame (ping, pong or close). `payload` is the callee's to keep. */
  readonly onControl: (opcode: number, payload: Uint8Array) => void;
}

/**
 * Takes the payload out of a stream of frames as it arrives, however it is cut: never waits for a whole frame.
 */
export class FrameDecoder {
  readonly #options: FrameDecoderOptions;
  readonly #header = new Uint8Array(MAX_HEADER_BYTES);
  readonly #control = new Uint8Array(MAX_CONTROL_BYTES);
  #headerLength = 0;
  #headerNeeded = 2;
  #isInPayload = false;
  #isInMessage = false;
  #isEnded = false;
  #opcode = 0;
  #remaining = 0;
  #controlLength = 0;
  #mask: number | undefined;

  constructor(options: FrameDecoderOptions) {
    this.#options = options;
  }

  /** True between frames: an end of the stream here cuts nothing off. */
  get isBetweenFrames(): boolean {
    return this.#headerLength === 0 && !this.#isInPayload;
  }

  /**
   * Decodes `bytes` in place and returns the part of them that now holds all data payload they brought, in one piece.
   * What follows a close frame is dropped.
   *
   * @throws AppError `protocol`, with the close code to answer in `details.closeCode`.
   */
  decode(bytes: Uint8Array): Uint8Array {
    let at = 0;
    let start = 0;
    let end = 0;
    while (at < bytes.length && !this.#isEnded) {
      if (!this.#isInPayload) {
        at = this.#takeHeader(bytes, at);
        continue;
      }
      const count = Math.min(this.#remaining, bytes.length - at);
      if (this.#mask !== undefined) this.#mask = applyMask(bytes, { from: at, to: at + count, mask: this.#mask });
      if (this.#opcode >= OPCODE.close) {
        this.#control.set(bytes.subarray(at, at + count), this.#controlLength);
        this.#controlLength += count;
      } else if (end === 0) {
        start = at;
        end = at + count;
      } else {
        bytes.copyWithin(end, at, at + count);
        end += count;
      }
      at += count;
      this.#remaining -= count;
      if (this.#remaining === 0) this.#endFrame();
    }
    return bytes.subarray(start, end);
  }

  #takeHeader(bytes: Uint8Array, at: number): number {
    while (at < bytes.length) {
      this.#header[this.#headerLength++] = bytes[at++] ?? 0;
      if (this.#headerLength === 2) this.#headerNeeded = this.#headerSize();
      if (this.#headerLength === this.#headerNeeded) {
        this.#startFrame();
        break;
      }
    }
    return at;
  }

  #headerSize(): number {
    const second = this.#header[1] ?? 0;
    const length = second & 0x7f;
    return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (second & 0x80 ? 4 : 0);
  }

  #startFrame(): void {
    const header = new DataView(this.#header.buffer);
    const [first, second] = [header.getUint8(0), header.getUint8(1)];
    this.#opcode = first & 0x0f;
    const short = second & 0x7f;
    this.#remaining = short === 126 ? header.getUint16(2) : short === 127 ? Number(header.getBigUint64(2)) : short;
    const isMasked = (second & 0x80) !== 0;
    this.#mask = isMasked ? rotateMask(header.getInt32(this.#headerNeeded - 4, true), 0) : undefined;
    this.#check(first, isMasked);
    this.#headerLength = 0;
    this.#controlLength = 0;
    this.#isInPayload = true;
    if (this.#remaining === 0) this.#endFrame();
  }

  #check(first: number, isMasked: boolean): void {
    const isFinal = (first & 0x80) !== 0;
    const isStrict = this.#options.role === "client";
    const { maxFrameBytes } = this.#options;
    if ((this.#opcode > OPCODE.binary && this.#opcode < OPCODE.close) || this.#opcode > OPCODE.pong) {
      throw refuse(`a frame with the unknown opcode 0x${this.#opcode.toString(16)}`);
    }
    if (this.#opcode >= OPCODE.close) {
      if (this.#remaining > MAX_CONTROL_BYTES) throw refuse(`a control frame of ${this.#remaining} bytes`);
      if (isStrict && !isFinal) throw refuse("a control frame in fragments");
    } else if (this.#remaining > maxFrameBytes) {
      throw refuse(`a frame of ${this.#remaining} bytes, more than ${maxFrameBytes}`, 1009);
    }
    if (!isStrict) return;
    if (isMasked) throw refuse("a masked frame, which a server must not send");
    if (first & 0x70) throw refuse("a frame with reserved bits set, though no extension was agreed on");
    if (this.#opcode >= OPCODE.close) return;
    const isContinuation = this.#opcode === OPCODE.continuation;
    if (isContinuation !== this.#isInMessage) {
      throw refuse(isContinuation ? "a continuation of no message" : "a new message inside another");
    }
    this.#isInMessage = !isFinal;
  }

  #endFrame(): void {
    this.#isInPayload = false;
    if (this.#opcode < OPCODE.close) return;
    const payload = this.#control.slice(0, this.#controlLength);
    if (this.#opcode === OPCODE.close) this.#isEnded = true;
    this.#options.onControl(this.#opcode, payload);
  }
}

/** How the far side closed. `code` is 1005 for a close frame without one and 1006 for none at all (RFC 6455 7.4.1). */
export interface CloseInfo {
  readonly code: number;
  /** Text of the far side: escape it before it reaches a terminal. */
  readonly reason: string;
}

/** What a close frame says (RFC 6455 5.5.1). @throws AppError `protocol` for half a code or one that may not be sent. */
export function parseClosePayload(payload: Uint8Array): CloseInfo {
  if (payload.length === 0) return { code: 1005, reason: "" };
  const code = payload.length === 1 ? 0 : ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
  if (!SENDABLE_CLOSE_CODE(code)) throw refuse(`a close frame with the invalid code ${code}`);
  return { code, reason: new TextDecoder().decode(payload.subarray(2)) };
}

function refuse(what: string, closeCode = 1002): AppError {
  return new AppError("protocol", `The far side broke the WebSocket protocol: it sent ${what}`, {
    details: { closeCode },
  });
}
