/** RFC 6455 5.2 and 11.8. */
export const OPCODE = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** RFC 6455 5.5. */
export const MAX_CONTROL_BYTES = 125;

/** The longest header: two bytes, eight of length, four of mask. */
export const MAX_HEADER_BYTES = 14;

/** Below this a loop over bytes is quicker than making views of words. Measured. */
const SMALL = 48;

/** What {@link writeFrameHeader} puts down. */
export interface FrameHeader {
  readonly opcode: number;
  readonly length: number;
  /** The mask as it stands in memory, little-endian; undefined for an unmasked frame. */
  readonly mask?: number | undefined;
}

/** How many bytes the header of a frame with `length` bytes of payload takes. */
export function frameHeaderLength(length: number, isMasked: boolean): number {
  return (length < 126 ? 2 : length < 65_536 ? 4 : 10) + (isMasked ? 4 : 0);
}

/** Writes the header of an unfragmented frame (FIN set) at `at`; returns the index behind it. */
export function writeFrameHeader(into: Uint8Array, at: number, { opcode, length, mask }: FrameHeader): number {
  const maskBit = mask === undefined ? 0 : 0x80;
  into[at++] = 0x80 | opcode;
  if (length < 126) {
    into[at++] = maskBit | length;
  } else if (length < 65_536) {
    into[at++] = maskBit | 126;
    into[at++] = length >>> 8;
    into[at++] = length;
  } else {
    into[at++] = maskBit | 127;
    // Lengths above 2^32 are never sent: the upper half stays zero.
    for (let i = 0; i < 4; i++) into[at++] = 0;
    for (let shift = 24; shift >= 0; shift -= 8) into[at++] = length >>> shift;
  }
  if (mask === undefined) return at;
  for (let shift = 0; shift < 32; shift += 8) into[at++] = mask >>> shift;
  return at;
}

/** The whole of a small frame, such as a control frame. */
export function encodeFrame(opcode: number, payload: Uint8Array, mask?: number): Uint8Array {
  const headerLength = frameHeaderLength(payload.length, mask !== undefined);
  const frame = new Uint8Array(headerLength + payload.length);
  writeFrameHeader(frame, 0, { opcode, length: payload.length, mask });
  frame.set(payload, headerLength);
  if (mask !== undefined) applyMask(frame, { from: headerLength, to: frame.length, mask });
  return frame;
}

/**
 * Masks or unmasks `bytes` from `from` to `to` in place (RFC 6455 5.3), a word at a time wherever they lie in memory.
 * Returns the mask turned so that it fits the byte at `to`.
 */
export function applyMask(
  bytes: Uint8Array,
  { from, to, mask }: { from: number; to: number; mask: number },
): number {
  const turned = rotateMask(mask, to - from);
  let at = from;
  if (to - from >= SMALL) {
    for (; (bytes.byteOffset + at) & 3; at++) {
      bytes[at] = (bytes[at] ?? 0) ^ mask;
      mask = rotateMask(mask, 1);
    }
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (to - at) >> 2);
    maskWords(words, mask);
    at += words.length << 2;
  }
  for (; at < to; at++) {
    bytes[at] = (bytes[at] ?? 0) ^ mask;
    mask = rotateMask(mask, 1);
  }
  return turned;
}

/** `mask` as it applies to a byte that stands `count` bytes further on. */
export function rotateMask(mask: number, count: number): number {
  const bits = (count & 3) << 3;
  return bits === 0 ? mask : (mask >>> bits) | (mask << (32 - bits));
}

function maskWords(words: Int32Array, mask: number): void {
  const length = words.length;
  for (let i = 0; i < length; i++) words[i] = (words[i] ?? 0) ^ mask;
}

/** Masks that nobody can foretell (RFC 6455 10.3), drawn 256 at a time. */
export class MaskSource {
  readonly #pool = new Int32Array(256);
  #next = this.#pool.length;

  /** A fresh mask. */
  next(): number {
    if (this.#next === this.#pool.length) {
      crypto.getRandomValues(this.#pool);
      this.#next = 0;
    }
    return this.#pool[this.#next++] ?? 0;
  }
}
