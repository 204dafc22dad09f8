import { AppError } from "../../base/errors.ts";

/** Bytes that WebCrypto takes: not backed by shared memory. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** `parts` one behind the other. */
export function concatBytes(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A `uint32` (RFC 4251 5). */
export function wireUint32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** A `string` (RFC 4251 5): its length, then the bytes; text goes as UTF-8. */
export function wireString(value: string | Uint8Array): Bytes {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return concatBytes(wireUint32(bytes.length), bytes);
}

/** An `mpint` (RFC 4251 5) of a number that is not negative, given as its big-endian bytes. */
export function wireMpint(magnitude: Uint8Array): Bytes {
  let start = 0;
  while (start < magnitude.length && magnitude[start] === 0) start++;
  const digits = magnitude.subarray(start);
  const needsSign = ((digits[0] ?? 0) & 0x80) !== 0;
  return wireString(needsSign ? concatBytes(new Uint8Array(1), digits) : digits);
}

/** Reads the data types of RFC 4251 5 one after another. Every method throws AppError `key_invalid` past the end. */
export class WireReader {
  #at = 0;
  readonly #bytes: Bytes;

  /** `what` names the bytes in errors: `private key "/home/me/id"`. */
  constructor(bytes: Uint8Array, readonly what: string) {
    this.#bytes = new Uint8Array(bytes);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  readBytes(length: number): Bytes {
    const end = this.#at + length;
    if (end > this.#bytes.length) {
      throw new AppError(
        "key_invalid",
        `The ${this.what} ends too early: needed ${length} bytes at ${this.#at}, found ${
          this.#bytes.length - this.#at
        }`,
      );
    }
    const bytes = this.#bytes.slice(this.#at, end);
    this.#at = end;
    return bytes;
  }

  readRest(): Bytes {
    return this.readBytes(this.#bytes.length - this.#at);
  }

  readUint32(): number {
    const bytes = this.readBytes(4);
    return new DataView(bytes.buffer).getUint32(0);
  }

  readUint64(): bigint {
    const bytes = this.readBytes(8);
    return new DataView(bytes.buffer).getBigUint64(0);
  }

  readString(): Bytes {
    return this.readBytes(this.readUint32());
  }

  /** A `string` of text; bytes that are no UTF-8 are replaced. */
  readText(): string {
    return new TextDecoder().decode(this.readString());
  }

  /** The big-endian bytes of an `mpint`, without the zero that keeps it positive. */
  readMpint(): Bytes {
    const bytes = this.readString();
    let start = 0;
    while (start < bytes.length && bytes[start] === 0) start++;
    return bytes.slice(start);
  }
}
