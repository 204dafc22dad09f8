import { after } from "../../base/every.ts";
import { encodeAck, encodeFin } from "./protocol.ts";
import { ReplayBuffer } from "./replay_buffer.ts";

/**
 * Acknowledged by itself at the latest when so much has been read since the last acknowledgement: more than lies between
 * two window adjustments of SSH, which carry one.
 */
const ACK_BYTES = 512 * 1024;
/** Acknowledged by itself when nothing was sent for so long that could have carried it. */
const ACK_MS = 50;

/** Options of {@link Outbox}. */
export interface OutboxOptions {
  /** What can be acknowledged to the far side now. */
  readonly acknowledged: () => number;
  /** Called when there is something to send that {@link Outbox.next} did not give before. */
  readonly onDue: () => void;
  readonly maxBytes?: number | undefined;
}

/** All that a session has to say over the connection of the moment: data, its end, acknowledgements. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #replay: ReplayBuffer;
  readonly #allTaken = Promise.withResolvers<void>();
  #greeting: Uint8Array | undefined;
  #ackSent = 0;
  #ackTimer: Disposable | undefined;
  #isAckDue = false;
  #isWriteClosed = false;
  #isFinSent = false;
  #isFinSentHere = false;
  #isFinAcked = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#replay = new ReplayBuffer(options.maxBytes);
  }

  /** How many bytes {@link append} would take now. */
  get room(): number {
    return this.#replay.room;
  }

  /** How many bytes wait for the connection. */
  get unsentBytes(): number {
    return this.#replay.unsentBytes;
  }

  /** How many bytes the far side has taken. */
  get acked(): number {
    return this.#replay.acked;
  }

  /** How many bytes are kept until they are acknowledged. */
  get unackedBytes(): number {
    return this.#replay.end - this.#replay.acked;
  }

  get isWriteClosed(): boolean {
    return this.#isWriteClosed;
  }

  /** Settles once the far side has taken all that was written, its end too, or the session is over; never rejects. */
  get allTaken(): Promise<void> {
    return this.#allTaken.promise;
  }

  /** Copies `bytes` behind what is there; the caller has looked at {@link room}. */
  append(bytes: Uint8Array): void {
    this.#replay.append(bytes);
    this.#options.onDue();
  }

  closeWrite(): void {
    this.#isWriteClosed = true;
    this.#options.onDue();
  }

  /** Goes on over another connection, where the far side has `received` and was told that we have `told`. @throws AppError `protocol` */
  resumeAt(
    received: number,
    { told, greeting }: { readonly told: number; readonly greeting?: Uint8Array | undefined },
  ) {
    const { end } = this.#replay;
    // The end of a direction takes a number as well, behind all bytes.
    const isEndTaken = this.#isFinSent && received === end + 1;
    this.#replay.rewind(isEndTaken ? end : received);
    if (isEndTaken) this.#onFinAcked();
    this.#isFinSentHere = false;
    this.#greeting = greeting;
    this.#told(told);
  }

  /** The next bytes to send over the connection of the moment. */
  next(): Uint8Array | undefined {
    const greeting = this.#greeting;
    this.#greeting = undefined;
    if (greeting) return greeting;
    const ack = this.#options.acknowledged();
    const frame = this.#replay.take(ack) ?? this.#nextFin(ack) ?? (this.#isAckDue ? encodeAck(ack) : undefined);
    if (frame) this.#told(ack);
    return frame;
  }

  /** The far side has taken all before `ack`. @throws AppError `protocol` */
  onAck(ack: number): void {
    const { end } = this.#replay;
    const isEndTaken = this.#isFinSent && ack === end + 1;
    this.#replay.acknowledge(isEndTaken ? end : ack);
    if (isEndTaken) this.#onFinAcked();
  }

  /** More was taken than was acknowledged: soon enough something sent will say so, or an ACK by itself. */
  oweAck(): void {
    const { acknowledged } = this.#options;
    if (acknowledged() - this.#ackSent >= ACK_BYTES) return this.#ackNow();
    this.#ackTimer ??= after(ACK_MS, () => {
      this.#ackTimer = undefined;
      if (acknowledged() > this.#ackSent) this.#ackNow();
    });
  }

  /** Lets go of everything: the session is over. */
  clear(): void {
    this.#replay.clear();
    this.#ackTimer?.[Symbol.dispose]();
    this.#allTaken.resolve();
  }

  #nextFin(ack: number): Uint8Array | undefined {
    if (!this.#isWriteClosed || this.#isFinSentHere || this.#isFinAcked) return undefined;
    this.#isFinSent = this.#isFinSentHere = true;
    return encodeFin({ sequence: this.#replay.end, ack });
  }

  #onFinAcked(): void {
    this.#isFinAcked = true;
    this.#allTaken.resolve();
  }

  #told(ack: number): void {
    this.#ackSent = ack;
    this.#isAckDue = false;
  }

  #ackNow(): void {
    this.#isAckDue = true;
    this.#options.onDue();
  }
}
