/**
 * The frames of `porthole.resume.v1`, as docs/resume.md defines them.
 *
 * They run over the payload of a WebSocket's binary messages taken as one stream of bytes: where messages begin and end
 * has no meaning, so whatever stands between may cut or join them. Each frame is a type (1 byte), the length of its body
 * (3 bytes) and the body; all numbers are big-endian, sequence numbers have 64 bits.
 */

/** Offered for a new session: the agent's WELCOME comes right behind its 101. */
export const RESUME_NEW = "porthole.resume.v1";
/** Offered to come back to a session: the client's RESUME comes first. */
export const RESUME_AGAIN = "porthole.resume.v1.again";

/** What the first byte of a frame says. */
export const FRAME = { welcome: 1, resume: 2, data: 3, ack: 4, fin: 5, close: 6 } as const;

/** Why an end gives a session up. */
export const CLOSE = {
  /** The end that sends it is done; nothing more comes. */
  ended: 0,
  /** The agent has no such session: it ended, was held too long, or another agent answers here. */
  unknown: 1,
  /** The session goes on over another connection; this one is over. */
  replaced: 2,
  /** The session was opened with another identity. */
  refused: 3,
  /** The far side broke this protocol. */
  protocol: 4,
  /** The agent holds as much as it may. */
  overloaded: 5,
} as const;

/** A frame's type and its body's length. */
export const HEAD_BYTES = 4;
/** In front of the payload of a DATA frame: type and length, sequence number, acknowledgement. */
export const DATA_HEADER_BYTES = HEAD_BYTES + 16;
/** The most payload that one DATA frame may have. */
export const MAX_PAYLOAD_BYTES = 1024 * 1024;
/** A session's id: the first 8 bytes find it, the other 24 prove that it is known. All random. */
export const SESSION_ID_BYTES = 32;
/** What may be under way unacknowledged each way: a sender keeps so much, a receiver takes so much before it is read. */
export const MAX_UNACKED_BYTES = 8 * 1024 * 1024;

/** The lengths of bodies that have only one. */
export const BODY_BYTES: Readonly<Record<number, number>> = {
  [FRAME.welcome]: SESSION_ID_BYTES + 12,
  [FRAME.resume]: SESSION_ID_BYTES + 8,
  [FRAME.ack]: 8,
  [FRAME.fin]: 16,
  [FRAME.close]: 1,
};

/** One frame as it was read; DATA may come in several pieces, each with the number of its own first byte. */
export type ResumeFrame =
  | { readonly kind: "welcome"; readonly id: Uint8Array; readonly received: number; readonly holdSeconds: number }
  | { readonly kind: "resume"; readonly id: Uint8Array; readonly received: number }
  | { readonly kind: "data"; readonly sequence: number; readonly ack: number; readonly payload: Uint8Array }
  | { readonly kind: "ack"; readonly ack: number }
  | { readonly kind: "fin"; readonly sequence: number; readonly ack: number }
  | { readonly kind: "close"; readonly code: number };

/** The agent's answer to a new session, or to one that came back. */
export function encodeWelcome(
  { id, received, holdSeconds }: { readonly id: Uint8Array; readonly received: number; readonly holdSeconds: number },
): Uint8Array {
  const frame = newFrame(FRAME.welcome);
  frame.set(id, HEAD_BYTES);
  writeNumber(frame, HEAD_BYTES + SESSION_ID_BYTES, received);
  new DataView(frame.buffer).setUint32(HEAD_BYTES + SESSION_ID_BYTES + 8, Math.min(holdSeconds, 0xffffffff));
  return frame;
}

/** What a client that comes back says first. */
export function encodeResume({ id, received }: { readonly id: Uint8Array; readonly received: number }): Uint8Array {
  const frame = newFrame(FRAME.resume);
  frame.set(id, HEAD_BYTES);
  writeNumber(frame, HEAD_BYTES + SESSION_ID_BYTES, received);
  return frame;
}

/** An acknowledgement by itself. */
export function encodeAck(ack: number): Uint8Array {
  const frame = newFrame(FRAME.ack);
  writeNumber(frame, HEAD_BYTES, ack);
  return frame;
}

/** The end of one direction; takes one sequence number. */
export function encodeFin({ sequence, ack }: { readonly sequence: number; readonly ack: number }): Uint8Array {
  const frame = newFrame(FRAME.fin);
  writeNumber(frame, HEAD_BYTES, sequence);
  writeNumber(frame, HEAD_BYTES + 8, ack);
  return frame;
}

/** The end of the session, or of this connection for `CLOSE.replaced`. */
export function encodeClose(code: number): Uint8Array {
  const frame = newFrame(FRAME.close);
  frame[HEAD_BYTES] = code;
  return frame;
}

/** Writes a DATA frame's header into `bytes` at `at`, in front of a payload of `length` bytes. */
export function writeDataHeader(
  bytes: Uint8Array,
  at: number,
  { sequence, ack, length }: { readonly sequence: number; readonly ack: number; readonly length: number },
): void {
  writeHead(bytes, at, { type: FRAME.data, length: length + 16 });
  writeNumber(bytes, at + HEAD_BYTES, sequence);
  writeNumber(bytes, at + HEAD_BYTES + 8, ack);
}

/** A 64-bit number of the wire; NaN above 2^53 - 1, which no session reaches. */
export function readNumber(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
  const high = view.getUint32(0);
  return high >= 0x200000 ? NaN : high * 0x100000000 + view.getUint32(4);
}

function writeNumber(bytes: Uint8Array, at: number, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
  view.setUint32(0, Math.floor(value / 0x100000000));
  view.setUint32(4, value >>> 0);
}

function newFrame(type: number): Uint8Array<ArrayBuffer> {
  const length = BODY_BYTES[type] ?? 0;
  const frame = new Uint8Array(HEAD_BYTES + length);
  writeHead(frame, 0, { type, length });
  return frame;
}

function writeHead(bytes: Uint8Array, at: number, { type, length }: { type: number; length: number }): void {
  bytes[at] = type;
  bytes[at + 1] = length >>> 16;
  bytes[at + 2] = length >>> 8;
  bytes[at + 3] = length;
}
