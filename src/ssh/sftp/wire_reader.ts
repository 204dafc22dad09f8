import { decodePath } from "./byte_path.ts";
import { StatusCode } from "./protocol.ts";
import { StatusError } from "./status_error.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads the fields of one packet, without copying (RFC 4251, 5).
 *
 * Every method throws a StatusError `badMessage` when the packet is too short for what it is asked for.
 */
export class WireReader {
  readonly #view: DataView;
  #at: number;

  constructor(readonly packet: Uint8Array, at = 0) {
    this.#view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
    this.#at = at;
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.packet.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** A 64-bit number; one past 2^53 is refused, since no file is that long. */
  u64(): number {
    const value = this.#view.getBigUint64(this.#take(8));
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new StatusError(StatusCode.badMessage, "Number too large");
    return Number(value);
  }

  /** As {@link u64}, but a number past 2^53 becomes the largest safe one: for "as many as there are". */
  u64Clamped(): number {
    const value = this.#view.getBigUint64(this.#take(8));
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  }

  /** A string as bytes: a view into the packet. */
  bytes(): Uint8Array {
    const length = this.u32();
    const start = this.#take(length);
    return this.packet.subarray(start, start + length);
  }

  /** A string as text. @throws StatusError `badMessage` when it is not UTF-8. */
  text(): string {
    const bytes = this.bytes();
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw new StatusError(StatusCode.badMessage, "Text that is not UTF-8", { cause });
    }
  }

  /** A string as a path, see `decodePath`. @throws StatusError `noSuchFile` for a NUL, which no path can hold. */
  path(): string {
    const path = decodePath(this.bytes());
    if (path.includes("\0")) throw new StatusError(StatusCode.noSuchFile, "A path cannot hold a NUL");
    return path;
  }

  #take(length: number): number {
    const start = this.#at;
    if (length > this.packet.length - start) throw new StatusError(StatusCode.badMessage, "Packet too short");
    this.#at = start + length;
    return start;
  }
}
