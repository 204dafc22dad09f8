import { AppError, toAppError } from "../../base/errors.ts";
import type { ByteStream } from "../byte_stream.ts";
import { type Attached, type Carrier, type CarrierEnd, sayLastly } from "./carrier.ts";
import { closeError } from "./close_error.ts";
import { FrameReader, refuse } from "./frame_reader.ts";
import { Inbox } from "./inbox.ts";
import { Link } from "./link.ts";
import { Outbox } from "./outbox.ts";
import { CLOSE, encodeClose, type ResumeFrame } from "./protocol.ts";

/** What may wait for the connection itself: more would only make a keystroke wait behind it. */
const MAX_UNSENT_BYTES = 256 * 1024;

/** Options of {@link ResumableSession.attach}. */
export interface AttachOptions {
  /** Has what was read behind the greeting; a fresh one otherwise. */
  readonly reader?: FrameReader;
  /** How much of ours the far side has: we go on from there. */
  readonly peerReceived: number;
  /** The first frame to send, given how much of theirs we have. */
  readonly greet?: (received: number) => Uint8Array;
}

/** Options of {@link ResumableSession}. */
export interface ResumableSessionOptions {
  /** A WELCOME arrived: for a client that asked for a new session. */
  readonly onWelcome?: (frame: ResumeFrame & { readonly kind: "welcome" }) => void;
  /** Bounds what is kept for sending again. */
  readonly maxReplayBytes?: number;
}

/**
 * A stream that outlives its connections: the same bytes, once and in order, over one carrier after the other.
 *
 * What was written is kept until the far side acknowledges it, 8 MiB at most; then `write` waits. Without a carrier
 * `read` and `write` wait for the next one. Both ends of a session are one of these; whoever owns it attaches carriers.
 */
export class ResumableSession implements ByteStream {
  readonly #options: ResumableSessionOptions;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #over = new AbortController();
  /** Last words under way. */
  readonly #farewells = new Set<Promise<void>>();
  #link: Link | undefined;
  #failure: AppError | undefined;
  #isDisposed = false;
  #hasHeard = false;
  #wakeWriter: (() => void) | undefined;

  constructor(options: ResumableSessionOptions = {}) {
    this.#options = options;
    this.#inbox = new Inbox(() => this.#outbox.oweAck());
    this.#outbox = new Outbox({
      acknowledged: () => this.#inbox.acknowledged,
      onDue: () => this.#link?.wake(),
      maxBytes: options.maxReplayBytes,
    });
  }

  /** Aborted once the session is over, whoever ended it. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** True once anything came from the far side. */
  get hasHeard(): boolean {
    return this.#hasHeard;
  }

  /** True while a connection carries it. */
  get isAttached(): boolean {
    return this.#link !== undefined;
  }

  /** How much of theirs has been taken: what a RESUME tells. */
  get received(): number {
    return this.#inbox.acknowledged;
  }

  /** Grows with whatever a connection has brought, either way. */
  get progress(): number {
    return this.#inbox.acknowledged + this.#outbox.acked;
  }

  /** What it holds in memory, both ways, without what its buffers have to spare. */
  get bufferedBytes(): number {
    return this.#outbox.unackedBytes + this.#inbox.queuedBytes;
  }

  /** Settles once the far side has taken all that was written, its end too; never rejects. */
  get allTaken(): Promise<void> {
    return this.#outbox.allTaken;
  }

  /** @throws AppError why the session was given up */
  read(): Promise<Uint8Array | null> {
    return this.#inbox.read();
  }

  /** Takes `bytes` over; waits while too much is unacknowledged. @throws AppError `tunnel_closed`, or why it was given up */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      this.#assertWritable();
      const room = Math.min(this.#outbox.room, this.#link ? MAX_UNSENT_BYTES - this.#outbox.unsentBytes : Infinity);
      if (room > 0) {
        const piece = at === 0 && room >= bytes.length ? bytes : bytes.subarray(at, at + room);
        this.#outbox.append(piece);
        at += piece.length;
      } else {
        await this.#roomToWrite();
      }
    }
  }

  closeWrite(): Promise<void> {
    if (!this.#outbox.isWriteClosed) this.#outbox.closeWrite();
    return Promise.resolve();
  }

  /**
   * Goes on over `carrier`, which is owned from now on; one that is attached is told that it is replaced, and closed.
   */
  attach(carrier: Carrier, { reader, peerReceived, greet }: AttachOptions): Attached {
    if (this.#over.signal.aborted) {
      carrier[Symbol.dispose]();
      return { ended: Promise.resolve({ kind: "over" }) };
    }
    const link: Link = new Link(carrier, {
      next: () => this.#outbox.next(),
      onSent: () => this.#outbox.unsentBytes < MAX_UNSENT_BYTES && this.#wakeWriter?.(),
      arrived: () => this.#inbox.arrived,
      onHeard: () => this.#hasHeard = true,
      onFrame: (frame, keep) => this.#onFrame(frame, keep),
      onBreach: (error) => this.fail(error, CLOSE.protocol),
      onLost: (error) => this.#retire(link, { kind: "lost", error }),
    });
    const former = this.#link;
    this.#link = link;
    if (former) this.#replace(former);
    this.#hasHeard ||= reader !== undefined;
    const told = this.#inbox.restart();
    try {
      this.#outbox.resumeAt(peerReceived, { told, greeting: greet?.(told) });
    } catch (error) {
      this.fail(toAppError(error), CLOSE.protocol);
      return link;
    }
    link.run(reader ?? new FrameReader());
    // A consumer that takes its time must not keep us from noticing that the connection is gone.
    carrier.stopped.then(() => link.isOver || this.#inbox.spill());
    this.#wakeWriter?.();
    return link;
  }

  /** Lets the connection go as if it had broken. */
  detach(): void {
    if (this.#link) this.#retire(this.#link, { kind: "lost", error: undefined });
  }

  /** Gives the session up: reads and writes fail with `failure`. The far side is told `code` if it can be. */
  fail(failure: AppError, code: number = CLOSE.ended): void {
    if (this.#over.signal.aborted) return;
    this.#failure = failure;
    this.#finish(code, failure);
  }

  /** Ends it as the dispose does and resolves once the far side was told, if it can be, in `graceMs` at most. */
  async close({ graceMs = 500 }: { readonly graceMs?: number } = {}): Promise<void> {
    this[Symbol.dispose]();
    await Promise.race([this.farewell, AbortSignal.timeout(graceMs)].map(settled));
  }

  /** Settles once all that was to be said to connections that are over was said; never rejects. */
  get farewell(): Promise<unknown> {
    return Promise.all(this.#farewells);
  }

  /** Nobody reads any more, what was written is still brought over: until {@link allTaken} or the dispose. */
  discardIncoming(): void {
    this.#inbox.discard();
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#inbox.discard();
    this.#finish(CLOSE.ended, undefined);
  }

  #assertWritable(): void {
    if (this.#failure) throw this.#failure;
    if (this.#isDisposed || this.#outbox.isWriteClosed || this.#over.signal.aborted) {
      throw new AppError("tunnel_closed", "Cannot write to a session that is closed");
    }
  }

  async #roomToWrite(): Promise<void> {
    // Only acknowledgements can make room: they must come through whatever the consumer does.
    const isFull = this.#outbox.room <= 0;
    if (isFull) this.#inbox.spill();
    await new Promise<void>((resolve) => this.#wakeWriter = resolve);
    this.#wakeWriter = undefined;
    if (isFull) this.#inbox.settle();
  }

  #onFrame(frame: ResumeFrame, keep: () => void): Promise<void> | undefined {
    if ("ack" in frame) {
      this.#outbox.onAck(frame.ack);
      this.#wakeWriterIfRoom();
    }
    switch (frame.kind) {
      case "data":
        return this.#inbox.deliver(frame, keep);
      case "fin":
        this.#inbox.deliverFin(frame.sequence);
        return undefined;
      case "close":
        this.#onClose(frame.code);
        return undefined;
      case "welcome":
        if (!this.#options.onWelcome) throw refuse("a WELCOME out of turn");
        this.#options.onWelcome(frame);
        return undefined;
      case "resume":
        throw refuse("a RESUME out of turn");
      case "ack":
        return undefined;
    }
  }

  #wakeWriterIfRoom(): void {
    if (this.#outbox.room > 0) this.#wakeWriter?.();
  }

  #onClose(code: number): void {
    if (code === CLOSE.replaced && this.#link) return this.#retire(this.#link, { kind: "replaced" });
    if (code !== CLOSE.ended) this.#failure ??= closeError(code);
    this.#finish(undefined, this.#failure);
  }

  #retire(link: Link, end: CarrierEnd): void {
    if (this.#link === link) this.#link = undefined;
    link.carrier[Symbol.dispose]();
    link.end(end);
    // Without a connection the writer may fill all of the buffer.
    this.#wakeWriterIfRoom();
  }

  #replace(link: Link): void {
    link.end({ kind: "replaced" });
    this.#sayLastly(link.carrier, CLOSE.replaced);
  }

  #finish(code: number | undefined, failure: AppError | undefined): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort(failure);
    this.#inbox.end(failure);
    this.#outbox.clear();
    this.#wakeWriter?.();
    const link = this.#link;
    this.#link = undefined;
    if (!link) return;
    link.end({ kind: "over" });
    this.#sayLastly(link.carrier, code);
  }

  #sayLastly(carrier: Carrier, code: number | undefined): void {
    // The consumer may still work on what this connection has brought.
    carrier.keepLast();
    const farewell = sayLastly(carrier, code === undefined ? undefined : encodeClose(code));
    this.#farewells.add(farewell);
    farewell.finally(() => this.#farewells.delete(farewell));
  }
}

function settled(what: Promise<unknown> | AbortSignal): Promise<unknown> {
  if (what instanceof Promise) return what;
  return new Promise<void>((resolve) => what.addEventListener("abort", () => resolve(), { once: true }));
}
