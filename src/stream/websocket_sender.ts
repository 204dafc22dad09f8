import {
  applyMask,
  encodeFrame,
  frameHeaderLength,
  MaskSource,
  MAX_HEADER_BYTES,
  OPCODE,
  writeFrameHeader,
} from "./websocket_frame.ts";

/** One write to the socket takes this much at most, headers included. */
const MAX_BATCH_BYTES = 262_144 + 1024;
const MIN_BATCH_BYTES = 4096;
/** A busy line answers the pings of this many, and the latest of all others (RFC 6455 5.5.3 asks for that one alone). */
const MAX_PONGS_DUE = 16;
const NOTHING = new Uint8Array(0);

/** Where bytes go: a `Deno.Conn` is one. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<number>;
}

/** Options of {@link WebSocketSender}. */
export interface WebSocketSenderOptions {
  readonly sink: ByteSink;
  /** A client masks what it sends, a server does not (RFC 6455 5.1). */
  readonly isMasked: boolean;
  readonly maxFrameBytes: number;
  /** Sent in front of the first frame, in the same segment if that frame is there at once. */
  readonly prefix?: Uint8Array | undefined;
}

/**
 * Writes frames one after the other, so that data, pongs and the close frame never mix.
 *
 * At most one data frame, one ping and a few pongs wait at any time: a flood of pings takes no memory.
 */
export class WebSocketSender {
  readonly #options: WebSocketSenderOptions;
  readonly #masks = new MaskSource();
  readonly #prefixTimer: ReturnType<typeof setTimeout> | undefined;
  #prefix: Uint8Array | undefined;
  #batch = new Uint8Array(0);
  #lastTurn: Promise<void> = Promise.resolve();
  readonly #pongsDue: Uint8Array[] = [];
  #isPingDue = false;
  #bytesSent = 0;
  #isClosed = false;

  constructor(options: WebSocketSenderOptions) {
    this.#options = options;
    this.#prefix = options.prefix;
    // A first frame written in this turn of the event loop takes the prefix along: one segment instead of two.
    if (options.prefix) this.#prefixTimer = setTimeout(() => this.flush().catch(() => {/* the reader will tell */}), 0);
  }

  /** All bytes that the socket took. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** True once the close frame was sent or is about to be. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** True while a ping has not left yet. */
  get isPingDue(): boolean {
    return this.#isPingDue;
  }

  /** Sends `payload` as binary frames. */
  send(payload: Uint8Array): Promise<void> {
    return this.#inTurn(() => this.#sendData(payload));
  }

  /** Sends a ping unless one still waits. */
  async ping(): Promise<void> {
    if (this.#isPingDue || this.#isClosed) return;
    this.#isPingDue = true;
    await this.#inTurn(() => {
      this.#isPingDue = false;
      return this.#sendControl(OPCODE.ping, NOTHING);
    });
  }

  /** Answers a ping. */
  async pong(payload: Uint8Array): Promise<void> {
    if (this.#isClosed) return;
    if (this.#pongsDue.length === MAX_PONGS_DUE) this.#pongsDue.pop();
    if (this.#pongsDue.push(payload) > 1) return;
    await this.#inTurn(async () => {
      for (const due of this.#pongsDue.splice(0)) await this.#sendControl(OPCODE.pong, due);
    });
  }

  /** Sends the close frame, once; nothing is sent after it. */
  async close(payload: Uint8Array): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#inTurn(() => this.#write(this.#frame(OPCODE.close, payload)));
  }

  /** Sends the prefix if it still waits. */
  flush(): Promise<void> {
    return this.#inTurn(() => this.#write(NOTHING));
  }

  /** Stops the timer. Nothing is sent. */
  stop(): void {
    this.#isClosed = true;
    clearTimeout(this.#prefixTimer);
  }

  #inTurn(job: () => Promise<void>): Promise<void> {
    const turn = this.#lastTurn.then(job);
    this.#lastTurn = turn.catch(() => {/* whoever asked for this turn is told; the next one fails by itself */});
    return turn;
  }

  async #sendControl(opcode: number, payload: Uint8Array): Promise<void> {
    if (!this.#isClosed) await this.#write(this.#frame(opcode, payload));
  }

  #frame(opcode: number, payload: Uint8Array): Uint8Array {
    return encodeFrame(opcode, payload, this.#options.isMasked ? this.#masks.next() : undefined);
  }

  async #sendData(payload: Uint8Array): Promise<void> {
    for (let at = 0; at < payload.length;) {
      const { begin, end, taken } = this.#fillBatch(payload.subarray(at));
      await this.#writeAll(this.#batch.subarray(begin, end));
      at += taken;
    }
  }

  /** Encodes as much of `payload` as one batch takes, behind the prefix if that still waits. */
  #fillBatch(payload: Uint8Array): { begin: number; end: number; taken: number } {
    const { maxFrameBytes, isMasked } = this.#options;
    const prefix = this.#takePrefix();
    const overhead = MAX_HEADER_BYTES * Math.ceil(payload.length / maxFrameBytes) + 4;
    this.#makeBatch(prefix.length + payload.length + overhead);
    this.#batch.set(prefix);
    // The first payload starts on a word's border: masking is quickest there.
    const firstHeader = frameHeaderLength(Math.min(payload.length, maxFrameBytes), isMasked);
    const begin = prefix.length > 0 ? 0 : -firstHeader & 3;
    let end = begin + prefix.length;
    let taken = 0;
    while (taken < payload.length) {
      const room = this.#batch.length - end - MAX_HEADER_BYTES;
      if (room <= 0) break;
      const length = Math.min(payload.length - taken, maxFrameBytes, room);
      end = this.#encode(payload.subarray(taken, taken + length), end);
      taken += length;
    }
    return { begin, end, taken };
  }

  #encode(payload: Uint8Array, at: number): number {
    const mask = this.#options.isMasked ? this.#masks.next() : undefined;
    const from = writeFrameHeader(this.#batch, at, { opcode: OPCODE.binary, length: payload.length, mask });
    this.#batch.set(payload, from);
    const to = from + payload.length;
    if (mask !== undefined) applyMask(this.#batch, { from, to, mask });
    return to;
  }

  /** Idle connections, of which there may be thousands, keep a small batch; bulk data makes it grow. */
  #makeBatch(wanted: number): void {
    const length = Math.min(Math.max(wanted, MIN_BATCH_BYTES), MAX_BATCH_BYTES);
    if (this.#batch.length >= length) return;
    this.#batch = new Uint8Array(length > MIN_BATCH_BYTES * 4 ? MAX_BATCH_BYTES : MIN_BATCH_BYTES * 4);
  }

  #takePrefix(): Uint8Array {
    const prefix = this.#prefix ?? NOTHING;
    this.#prefix = undefined;
    clearTimeout(this.#prefixTimer);
    return prefix;
  }

  async #write(frame: Uint8Array): Promise<void> {
    const prefix = this.#takePrefix();
    if (prefix.length > 0) await this.#writeAll(prefix);
    if (frame.length > 0) await this.#writeAll(frame);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const count = await this.#options.sink.write(at === 0 ? bytes : bytes.subarray(at));
      at += count;
      this.#bytesSent += count;
    }
  }
}
