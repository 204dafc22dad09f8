import { AppError } from "../../base/errors.ts";
import { refuse } from "./frame_reader.ts";
import { MAX_UNACKED_BYTES } from "./protocol.ts";

/** Smaller pieces are copied when they must wait; larger ones are kept where they arrived. */
const WORTH_KEEPING_BYTES = 16_384;
/** Copies share one of these, or a million pieces of a byte would take hundreds of megabytes. */
const SHARED_BYTES = 4096;

/**
 * What arrives, once and in order, until the consumer takes it.
 *
 * Payload is handed to the consumer where it arrived: the connection is not read on while the consumer works on it. That
 * would also hold up the acknowledgements for the other direction, so once that direction stands still for want of them
 * ({@link spill}), what arrives is put aside instead, at most 8 MiB, which is all that the far side may send.
 */
export class Inbox {
  /** The number of the next byte to arrive. */
  #received = 0;
  /** How many bytes the consumer has taken. */
  #consumed = 0;
  #queue: Uint8Array[] = [];
  /** Copies that lie behind the queue, as one piece that grows. */
  #shared = new Uint8Array(0);
  #sharedLength = 0;
  #offered: Uint8Array | undefined;
  /** Lets the connection be read on: the offered or lent piece is no longer needed where it is. */
  #release: (() => void) | undefined;
  #keep: (() => void) | undefined;
  #isSpilling = false;
  #hasFin = false;
  #isEnded = false;
  #failure: AppError | undefined;
  #wake: (() => void) | undefined;
  readonly #onConsumed: () => void;

  /** `onConsumed` is called whenever {@link acknowledged} has grown. */
  constructor(onConsumed: () => void) {
    this.#onConsumed = onConsumed;
  }

  /** The number of the next byte to arrive. */
  get arrived(): number {
    return this.#received;
  }

  /** What can be acknowledged: all that the consumer has taken, and the end of the direction as one more. */
  get acknowledged(): number {
    return this.#consumed + (this.#hasFin && this.#consumed === this.#received ? 1 : 0);
  }

  /** The next piece, null at the end. Valid until the next call. @throws what {@link end} was given. */
  async read(): Promise<Uint8Array | null> {
    this.#letGo();
    for (;;) {
      const queued = this.#queue.shift() ?? this.#takeShared();
      if (queued) return this.#consume(queued);
      const offered = this.#offered;
      if (offered) {
        this.#offered = undefined;
        return this.#consume(offered);
      }
      if (this.#hasFin) return null;
      if (this.#failure) throw this.#failure;
      if (this.#isEnded) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /**
   * Takes a piece that arrived. Returns a promise if the connection must not be read on before it settles; `keep` makes
   * the piece last beyond that.
   *
   * @throws AppError `protocol` for a gap, for more than is allowed, and for bytes behind the end
   */
  deliver(
    { sequence, payload }: { sequence: number; payload: Uint8Array },
    keep: () => void,
  ): Promise<void> | undefined {
    if (sequence > this.#received) throw refuse("bytes after a gap");
    const known = this.#received - sequence;
    if (known >= payload.length) return undefined;
    if (this.#hasFin) throw refuse("bytes behind the end of its direction");
    const piece = known > 0 ? payload.subarray(known) : payload;
    if (this.#received + piece.length - this.#consumed > MAX_UNACKED_BYTES) throw refuse("more than was acknowledged");
    this.#received += piece.length;
    if (this.#isEnded) {
      // Nobody reads any more: the far side goes on until it hears of that.
      this.#consumed = this.#received;
      this.#onConsumed();
      return undefined;
    }
    if (this.#isSpilling || this.#queue.length > 0 || this.#sharedLength > 0) {
      this.#store(piece, keep);
      return undefined;
    }
    this.#offered = piece;
    this.#keep = keep;
    const released = new Promise<void>((resolve) => this.#release = resolve);
    this.#wake?.();
    return released;
  }

  /** The far side will send nothing behind `sequence`. @throws AppError `protocol` for a gap */
  deliverFin(sequence: number): void {
    if (sequence > this.#received) throw refuse("an end after a gap");
    if (sequence < this.#received) throw refuse("an end before what it has sent");
    if (this.#hasFin) return;
    this.#hasFin = true;
    this.#wake?.();
    this.#onConsumed();
  }

  /** Puts aside what arrives, until {@link settle} or {@link restart}, so that the connection is read on in any case. */
  spill(): void {
    this.#isSpilling = true;
    if (this.#offered) this.#store(this.#offered, this.#keep ?? (() => {}));
    else this.#keep?.();
    this.#offered = undefined;
    this.#letGo();
  }

  /** Ends {@link spill}. */
  settle(): void {
    this.#isSpilling = false;
  }

  /** The connection is another one from now on: what the consumer has not taken will come again. Returns where to go on. */
  restart(): number {
    this.#isSpilling = false;
    if (this.#hasFin && this.#consumed === this.#received) return this.#consumed + 1;
    this.#hasFin = false;
    this.#queue = [];
    this.#sharedLength = 0;
    this.#offered = undefined;
    this.#received = this.#consumed;
    this.#letGo();
    return this.#consumed;
  }

  /** Nothing more will arrive: `read` gives what is there, then null, or throws `failure`. */
  end(failure?: AppError): void {
    this.#isEnded = true;
    this.#failure ??= failure;
    this.#wake?.();
  }

  /** Nobody will read any more. */
  discard(): void {
    this.#isEnded = true;
    this.#failure = undefined;
    this.#queue = [];
    this.#sharedLength = 0;
    this.#offered = undefined;
    if (this.#consumed < this.#received) {
      this.#consumed = this.#received;
      this.#onConsumed();
    }
    this.#letGo();
    this.#wake?.();
  }

  /** What lies here beyond what the connection itself holds. */
  get queuedBytes(): number {
    return this.#received - this.#consumed;
  }

  #consume(piece: Uint8Array): Uint8Array {
    this.#consumed += piece.length;
    this.#onConsumed();
    return piece;
  }

  #store(piece: Uint8Array, keep: () => void): void {
    if (piece.length < WORTH_KEEPING_BYTES) {
      this.#copy(piece);
    } else {
      keep();
      this.#closeShared();
      this.#queue.push(piece);
    }
    this.#wake?.();
  }

  #copy(piece: Uint8Array): void {
    if (this.#sharedLength + piece.length > this.#shared.length) {
      this.#closeShared();
      this.#shared = new Uint8Array(Math.max(SHARED_BYTES, piece.length));
    }
    this.#shared.set(piece, this.#sharedLength);
    this.#sharedLength += piece.length;
  }

  #closeShared(): void {
    const copies = this.#takeShared();
    if (copies) this.#queue.push(copies);
  }

  #takeShared(): Uint8Array | undefined {
    if (this.#sharedLength === 0) return undefined;
    const copies = this.#shared.subarray(0, this.#sharedLength);
    this.#shared = new Uint8Array(0);
    this.#sharedLength = 0;
    return copies;
  }

  #letGo(): void {
    if (this.#offered) return;
    const release = this.#release;
    this.#release = this.#keep = undefined;
    release?.();
  }
}
