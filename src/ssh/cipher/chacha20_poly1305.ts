import { chacha20Function } from "./chacha20_code.ts";
import { poly1305Function } from "./poly1305_code.ts";
import { assembleModule } from "./wasm_code.ts";

/** Where things lie in the module's memory. The stream is written in steps of 256 bytes, so much room is behind each. */
const KEY_AT = 0;
const LENGTH_KEY_AT = 32;
const MAC_AT = 64;
const LENGTH_AT = 256;
const STREAM_AT = 512;
/** Behind its length, a packet then begins on a vector's border. */
const PACKET_AT = 1020;
const PAGES = 2;
/** ssh2 takes packets of 35,000 bytes at most, and sends none above 33 KiB. */
const MAX_PACKET_BYTES = 65_536;

const LENGTH_BYTES = 4;
/** What stands behind each packet. */
export const MAC_BYTES = 16;
/** One key for the packets, one for their lengths. */
export const KEY_BYTES = 64;

interface Exports {
  readonly memory: WebAssembly.Memory;
  chacha20(data: number, length: number, key: number, counter: number, nonce: number): void;
  poly1305(data: number, length: number, key: number, out: number): void;
}

/** The key of one direction, and the number of a packet in it. */
export interface PacketKey {
  /** 64 bytes: for the packets, then for their lengths. */
  readonly key: Uint8Array;
  /** RFC 4253 6.4. */
  readonly sequence: number;
}

/**
 * chacha20-poly1305@openssh.com (OpenSSH's PROTOCOL.chacha20poly1305) in WebAssembly, put together from source on the spot.
 *
 * node:crypto takes three ciphers a packet for the same, each with buffers of its own. One of these serves any number of
 * connections: it keeps nothing between two calls but the memory that it works in.
 */
export class ChaCha20Poly1305 {
  readonly #wasm: Exports;
  readonly #memory: Uint8Array;

  /** @throws WebAssembly.CompileError on a machine without vector instructions */
  constructor() {
    const module = new WebAssembly.Module(assembleModule([chacha20Function, poly1305Function], PAGES));
    this.#wasm = new WebAssembly.Instance(module).exports as unknown as Exports;
    this.#memory = new Uint8Array(this.#wasm.memory.buffer);
  }

  /** Encrypts in place: `packet` is a length, what it counts, and 16 bytes of room for the authenticator. */
  seal(packet: Uint8Array, { key, sequence }: PacketKey): void {
    const bytes = packet.length - MAC_BYTES;
    assertFits(bytes);
    this.#memory.set(packet, PACKET_AT);
    const nonce = this.#begin({ key, sequence });
    this.#cryptLength(packet, nonce);
    this.#memory.copyWithin(PACKET_AT, LENGTH_AT, LENGTH_AT + LENGTH_BYTES);
    this.#cryptBody(bytes - LENGTH_BYTES, nonce);
    this.#wasm.poly1305(PACKET_AT, bytes, STREAM_AT, MAC_AT);
    packet.set(this.#memory.subarray(PACKET_AT, PACKET_AT + bytes));
    packet.set(this.#memory.subarray(MAC_AT, MAC_AT + MAC_BYTES), bytes);
  }

  /** The length that the first four bytes of a packet hold. It is not authenticated yet. */
  openLength(length: Uint8Array, { key, sequence }: PacketKey): number {
    this.#cryptLength(length, this.#begin({ key, sequence }));
    return new DataView(this.#memory.buffer).getUint32(LENGTH_AT);
  }

  /** Decrypts `body`, what follows an encrypted `length`, in place. @throws Error when `mac` is not its authenticator */
  open(body: Uint8Array, { length, mac, key, sequence }: PacketKey & { length: Uint8Array; mac: Uint8Array }): void {
    assertFits(body.length + LENGTH_BYTES);
    this.#memory.set(length.subarray(0, LENGTH_BYTES), PACKET_AT);
    this.#memory.set(body, PACKET_AT + LENGTH_BYTES);
    const nonce = this.#begin({ key, sequence });
    this.#wasm.poly1305(PACKET_AT, LENGTH_BYTES + body.length, STREAM_AT, MAC_AT);
    let difference = mac.length ^ MAC_BYTES;
    // Every byte is looked at: how long this takes tells nothing.
    for (let at = 0; at < MAC_BYTES; at++) difference |= (this.#memory[MAC_AT + at] ?? 0) ^ (mac[at] ?? 0);
    if (difference !== 0) throw new Error("Invalid MAC");
    this.#cryptBody(body.length, nonce);
    body.set(this.#memory.subarray(PACKET_AT + LENGTH_BYTES, PACKET_AT + LENGTH_BYTES + body.length));
  }

  /** Puts the keys in place, that of the authenticator too; returns the last word of the nonce. */
  #begin({ key, sequence }: PacketKey): number {
    const nonce = swapBytes(sequence);
    this.#memory.set(key, KEY_AT);
    this.#memory.fill(0, STREAM_AT, STREAM_AT + 32);
    this.#wasm.chacha20(STREAM_AT, 32, KEY_AT, 0, nonce);
    return nonce;
  }

  #cryptLength(length: Uint8Array, nonce: number): void {
    for (let at = 0; at < LENGTH_BYTES; at++) this.#memory[LENGTH_AT + at] = length[at] ?? 0;
    this.#wasm.chacha20(LENGTH_AT, LENGTH_BYTES, LENGTH_KEY_AT, 0, nonce);
  }

  #cryptBody(bytes: number, nonce: number): void {
    this.#wasm.chacha20(PACKET_AT + LENGTH_BYTES, bytes, KEY_AT, 1, nonce);
  }
}

/** A big-endian number as the words of the state have it. */
function swapBytes(value: number): number {
  return (value >>> 24) | ((value >>> 8) & 0xff00) | ((value << 8) & 0xff0000) | (value << 24);
}

function assertFits(bytes: number): void {
  if (bytes < LENGTH_BYTES || bytes > MAX_PACKET_BYTES) {
    throw new RangeError(`A packet of ${bytes} bytes: needed ${LENGTH_BYTES} to ${MAX_PACKET_BYTES}`);
  }
}
