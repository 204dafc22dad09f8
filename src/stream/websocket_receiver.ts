import { Turns } from "../base/turns.ts";
import { after } from "../base/every.ts";
import type { ByteSource } from "./buffered_source.ts";

/** What a buffer starts with; it grows to {@link MAX_SLOT_BYTES} once one read has filled it. */
const FIRST_SLOT_BYTES = 65_536;
/** One read of the socket takes this much at most. */
const MAX_SLOT_BYTES = 262_144;
/** Reading goes on into what is left of a buffer only while that is worth a system call. */
const MIN_ROOM_BYTES = 16_384;
/** So much in one read with less than this share of payload is a flood of pings or of empty frames. */
const HOLLOW_BYTES = 4096;
const HOLLOW_SHARE = 16;
const HOLLOW_PAUSE_MS = 25;
/** After so much of one far side all others get a turn. */
const TURN_BYTES = 1024 * 1024;

/** Options of {@link WebSocketReceiver}. */
export interface WebSocketReceiverOptions {
  readonly source: ByteSource;
  /** What was read behind the handshake. Copied. */
  readonly buffered?: Uint8Array | undefined;
  /** Takes the payload out of what arrived, in place. @throws what `read` is to throw. */
  readonly decode: (bytes: Uint8Array) => Uint8Array;
  /** True once nothing may follow what was decoded. */
  readonly isEnded: () => boolean;
  /** The socket ended. @throws what `read` is to throw, if it must not have ended there. */
  readonly onSocketEnd: () => void;
}

/**
 * Reads a socket ahead of its consumer into two buffers, so that control frames are seen while the consumer is busy.
 *
 * While one buffer is lent to the consumer the other fills; when it is full, reading stops: that is the backpressure.
 * Payload is handed out where it arrived, without a copy.
 */
export class WebSocketReceiver {
  /** Settles when the reading loop has ended; never rejects. */
  readonly stopped: Promise<void>;
  readonly #options: WebSocketReceiverOptions;
  readonly #slots: [Uint8Array, Uint8Array];
  /** The slot that is read into and holds the pending payload. */
  #current: 0 | 1 = 0;
  /** The slot whose bytes the consumer holds. */
  #lent: 0 | 1 | undefined;
  /** The slots whose memory was given away: they are not filled from the start again. */
  readonly #givenAway: [boolean, boolean] = [false, false];
  #fillAt = 0;
  #pendingStart = 0;
  #pendingEnd = 0;
  #isDone = false;
  #failure: unknown;
  #bytesReceived = 0;
  #waitingForRoom: (() => void) | undefined;
  #waitingForData: (() => void) | undefined;

  constructor(options: WebSocketReceiverOptions) {
    this.#options = options;
    const size = Math.max(FIRST_SLOT_BYTES, options.buffered?.length ?? 0);
    this.#slots = [new Uint8Array(size), new Uint8Array(FIRST_SLOT_BYTES)];
    this.stopped = this.#run();
  }

  /** All bytes that came from the socket, headers and control frames too. */
  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** True while the socket is not read because the consumer has not taken what is there. */
  get isPaused(): boolean {
    return this.#waitingForRoom !== undefined;
  }

  /** The next payload, null at the end. Valid until the next call. */
  async read(): Promise<Uint8Array | null> {
    this.#lent = undefined;
    while (this.#pendingEnd === this.#pendingStart) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isDone) return null;
      await new Promise<void>((resolve) => this.#waitingForData = resolve);
    }
    const bytes = this.#slots[this.#current].subarray(this.#pendingStart, this.#pendingEnd);
    this.#lent = this.#current;
    this.#pendingStart = this.#pendingEnd;
    this.#waitingForRoom?.();
    return bytes;
  }

  /** Leaves what the last `read` gave to the caller for good. */
  keepLast(): void {
    if (this.#lent !== undefined) this.#givenAway[this.#lent] = true;
  }

  /** Ends reading: with `failure` once the pending payload was read, or without one at once and with null. */
  stop(failure?: unknown): void {
    if (failure === undefined) this.#pendingStart = this.#pendingEnd;
    this.#failure ??= failure;
    this.#isDone = true;
    this.#waitingForRoom?.();
    this.#waitingForData?.();
  }

  async #run(): Promise<void> {
    try {
      const { source, buffered, isEnded, onSocketEnd } = this.#options;
      // The handshake's caller must get hold of the stream before frames are acted on.
      await Promise.resolve();
      if (buffered?.length) {
        this.#slots[0].set(buffered);
        this.#arrive(buffered.length);
      }
      const turns = new Turns(TURN_BYTES);
      while (!this.#isDone && !isEnded()) {
        const room = this.#findRoom();
        if (!room) {
          await new Promise<void>((resolve) => this.#waitingForRoom = resolve);
          this.#waitingForRoom = undefined;
          continue;
        }
        const count = await source.read(room);
        if (this.#isDone) return;
        if (count === null) {
          onSocketEnd();
          break;
        }
        const payloadBytes = this.#arrive(count);
        if (count >= HOLLOW_BYTES && payloadBytes < count / HOLLOW_SHARE) await pause(HOLLOW_PAUSE_MS);
        else await turns.after(count);
      }
      this.#isDone = true;
      this.#waitingForData?.();
    } catch (error) {
      // An error after the end comes of the socket being closed under a pending read.
      if (!this.#isDone) this.stop(error);
    }
  }

  /** Returns how much payload came. */
  #arrive(count: number): number {
    this.#bytesReceived += count;
    const slot = this.#slots[this.#current];
    const begin = this.#fillAt;
    this.#fillAt += count;
    const payload = this.#options.decode(slot.subarray(begin, begin + count));
    if (payload.length === 0) return 0;
    const start = payload.byteOffset - slot.byteOffset;
    if (this.#pendingEnd === this.#pendingStart) {
      this.#pendingStart = start;
      this.#pendingEnd = start + payload.length;
    } else {
      slot.copyWithin(this.#pendingEnd, start, start + payload.length);
      this.#pendingEnd += payload.length;
    }
    this.#waitingForData?.();
    return payload.length;
  }

  /** Where the next read goes: a buffer of its own if one is free, else behind the payload that is pending. */
  #findRoom(): Uint8Array | undefined {
    if (this.#pendingEnd === this.#pendingStart) {
      const wasFilled = this.#fillAt === this.#slots[this.#current].length;
      if (this.#lent === this.#current) this.#current = this.#current === 0 ? 1 : 0;
      if (this.#givenAway[this.#current]) {
        this.#slots[this.#current] = new Uint8Array(this.#slots[this.#current].length);
        this.#givenAway[this.#current] = false;
      }
      if (wasFilled && this.#slots[this.#current].length < MAX_SLOT_BYTES) {
        this.#slots[this.#current] = new Uint8Array(MAX_SLOT_BYTES);
      }
      this.#fillAt = this.#pendingStart = this.#pendingEnd = 0;
    }
    const slot = this.#slots[this.#current];
    return slot.length - this.#fillAt >= MIN_ROOM_BYTES ? slot.subarray(this.#fillAt) : undefined;
  }
}

/** Thousands of frames that carry nothing cost as much as megabytes: whoever sends them has to wait for the others. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => after(ms, resolve));
}
