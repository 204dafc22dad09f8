import { PACKET_OVERHEAD_BYTES } from "./packet_queue.ts";

interface Slot {
  packet: Uint8Array | undefined;
}

/**
 * Passes answers on in the order of their requests, whatever order they become ready in.
 *
 * The draft allows any order, but OpenSSH's scp and sftp take an answer that overtook another for a hole in the file
 * and cut the file there without an error (9.2, do_upload and do_download with `inplace_flag`).
 */
export class AnswerOrder {
  readonly #send: (packet: Uint8Array) => void;
  readonly #slots: Slot[] = [];
  #waitingBytes = 0;

  constructor(send: (packet: Uint8Array) => void) {
    this.#send = send;
  }

  /** What the answers cost that are ready, but behind one that is not. */
  get waitingBytes(): number {
    return this.#waitingBytes + this.#slots.length * PACKET_OVERHEAD_BYTES;
  }

  /** Takes the place of a request that is answered later, by calling what this returns, once. */
  reserve(): (packet: Uint8Array) => void {
    const slot: Slot = { packet: undefined };
    this.#slots.push(slot);
    return (packet) => {
      slot.packet = packet;
      this.#waitingBytes += packet.length;
      this.#passOn();
    };
  }

  /** An answer that is ready as its request arrives. */
  answer(packet: Uint8Array): void {
    if (this.#slots.length === 0) this.#send(packet);
    else {
      this.#slots.push({ packet });
      this.#waitingBytes += packet.length;
    }
  }

  #passOn(): void {
    for (let packet = this.#slots[0]?.packet; packet; packet = this.#slots[0]?.packet) {
      this.#slots.shift();
      this.#waitingBytes -= packet.length;
      this.#send(packet);
    }
  }
}
