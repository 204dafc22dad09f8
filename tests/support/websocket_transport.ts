import type { WebSocketTransport } from "../../src/stream/websocket_stream.ts";

/** A socket that a test plays the far side of: `push` what it is to read, look at `sent` for what was written. */
export class FakeTransport implements WebSocketTransport {
  readonly writes: Uint8Array[] = [];
  readonly #incoming: (Uint8Array | null)[] = [];
  readonly #maxReadBytes: number;
  #wake: (() => void) | undefined;
  #blocked: Promise<void> | undefined;
  #unblock: (() => void) | undefined;
  isClosed = false;
  /** How many bytes were taken out of what was pushed. */
  bytesTaken = 0;

  constructor({ maxReadBytes = Infinity }: { readonly maxReadBytes?: number } = {}) {
    this.#maxReadBytes = maxReadBytes;
  }

  /** All that was written, in one piece. */
  get sent(): Uint8Array {
    return concat(...this.writes);
  }

  push(...chunks: (Uint8Array | null)[]): void {
    this.#incoming.push(...chunks);
    this.#wake?.();
  }

  /** Makes writes wait until {@link unblockWrites}. */
  blockWrites(): void {
    this.#blocked = new Promise((resolve) => this.#unblock = resolve);
  }

  unblockWrites(): void {
    this.#blocked = undefined;
    this.#unblock?.();
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#incoming.length === 0 && !this.isClosed) await new Promise<void>((resolve) => this.#wake = resolve);
    if (this.isClosed) throw new Deno.errors.Interrupted("operation canceled");
    const chunk = this.#incoming.shift();
    if (!chunk) return null;
    const count = Math.min(chunk.length, into.length, this.#maxReadBytes);
    into.set(chunk.subarray(0, count));
    if (count < chunk.length) this.#incoming.unshift(chunk.subarray(count));
    this.bytesTaken += count;
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const copy = bytes.slice();
    await this.#blocked;
    if (this.isClosed) throw new Deno.errors.BrokenPipe("Broken pipe");
    this.writes.push(copy);
    return copy.length;
  }

  close(): void {
    this.isClosed = true;
    this.#wake?.();
    this.unblockWrites();
  }
}

/** How to write a frame; whatever is not said is as a server sends it. */
export interface RawFrame {
  readonly opcode?: number;
  readonly isFinal?: boolean;
  readonly reserved?: number;
  readonly payload?: Uint8Array | string;
  readonly mask?: readonly [number, number, number, number];
  /** The length to claim, if not the payload's. */
  readonly length?: bigint;
}

/** One frame by the letter of RFC 6455 5.2, byte by byte: written apart from the code under test. */
export function rawFrame(
  { opcode = 2, isFinal = true, reserved = 0, payload = "", mask, length }: RawFrame,
): Uint8Array {
  const body = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const claimed = length ?? BigInt(body.length);
  const first = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode;
  const maskBit = mask ? 0x80 : 0;
  const head: number[] = [first];
  if (claimed < 126n) head.push(maskBit | Number(claimed));
  else if (claimed < 65_536n) head.push(maskBit | 126, Number(claimed >> 8n), Number(claimed & 0xffn));
  else {
    head.push(maskBit | 127);
    for (let shift = 56n; shift >= 0n; shift -= 8n) head.push(Number((claimed >> shift) & 0xffn));
  }
  if (mask) head.push(...mask);
  return concat(new Uint8Array(head), body.map((byte, i) => byte ^ (mask?.[i & 3] ?? 0)));
}

/** Takes frames apart, slowly and plainly: what was sent, unmasked. */
export function parseFrames(bytes: Uint8Array): { opcode: number; isMasked: boolean; payload: Uint8Array }[] {
  const frames = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length;) {
    const opcode = view.getUint8(at) & 0x0f;
    const isMasked = (view.getUint8(at + 1) & 0x80) !== 0;
    let length = view.getUint8(at + 1) & 0x7f;
    at += 2;
    if (length === 126) {
      length = view.getUint16(at);
      at += 2;
    } else if (length === 127) {
      length = Number(view.getBigUint64(at));
      at += 8;
    }
    const mask = isMasked ? bytes.slice(at, at + 4) : undefined;
    if (mask) at += 4;
    const payload = bytes.slice(at, at + length).map((byte, i) => byte ^ (mask?.[i & 3] ?? 0));
    frames.push({ opcode, isMasked, payload });
    at += length;
  }
  return frames;
}

/** The pieces in one. */
export function concat(...pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** `length` bytes that are the same in each run and nowhere periodic in 256. */
export function pattern(length: number, seed = 7): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

/** Reads until the end, or until `bytes` came. */
export async function readAll(
  stream: { read(): Promise<Uint8Array | null> },
  bytes = Infinity,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let total = 0; total < bytes;) {
    const piece = await stream.read();
    if (piece === null) break;
    pieces.push(piece.slice());
    total += piece.length;
  }
  return concat(...pieces);
}
