import { AppError } from "../../base/errors.ts";

/**
 * Cuts a stream of bytes into packets by their length prefix; keeps at most one packet.
 *
 * A packet that lies whole in one chunk is a view of it, else it is put together in one buffer that is used again:
 * either way it is valid only until the next packet is asked for.
 */
export class PacketSplitter {
  readonly #maxBytes: number;
  readonly #prefix = new Uint8Array(4);
  #prefixLength = 0;
  #assembly = new Uint8Array(40 * 1024);
  #needed = 0;
  #have = 0;

  constructor({ maxBytes }: { maxBytes: number }) {
    this.#maxBytes = maxBytes;
  }

  /** True between packets: where a stream may end. */
  get isBetweenPackets(): boolean {
    return this.#prefixLength === 0;
  }

  /** The packets that `chunk` completes, without their length. @throws AppError `protocol` for an empty or oversize one. */
  *split(chunk: Uint8Array): Generator<Uint8Array, void> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#prefixLength < 4) {
        this.#prefix[this.#prefixLength++] = chunk[at++] ?? 0;
        if (this.#prefixLength < 4) continue;
        this.#needed = this.#packetLength();
        this.#have = 0;
      }
      if (this.#have === 0 && chunk.length - at >= this.#needed) {
        this.#prefixLength = 0;
        const end = at + this.#needed;
        yield chunk.subarray(at, end);
        at = end;
        continue;
      }
      const part = chunk.subarray(at, at + this.#needed - this.#have);
      at += part.length;
      this.#append(part);
      if (this.#have < this.#needed) continue;
      this.#prefixLength = 0;
      yield this.#assembly.subarray(0, this.#needed);
    }
  }

  #packetLength(): number {
    const length = new DataView(this.#prefix.buffer).getUint32(0);
    if (length === 0 || length > this.#maxBytes) {
      throw new AppError(
        "protocol",
        `Cannot read an SFTP packet: it must be 1 to ${this.#maxBytes} bytes long, its length says ${length}`,
      );
    }
    return length;
  }

  #append(part: Uint8Array): void {
    if (this.#have + part.length > this.#assembly.length) {
      // Grows with what arrived, not with what a length claims, so that a claim alone costs no memory.
      const grown = new Uint8Array(
        Math.min(this.#maxBytes, Math.max(this.#assembly.length * 2, this.#have + part.length)),
      );
      grown.set(this.#assembly.subarray(0, this.#have));
      this.#assembly = grown;
    }
    this.#assembly.set(part, this.#have);
    this.#have += part.length;
  }
}
