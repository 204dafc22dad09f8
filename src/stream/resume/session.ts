import { AppError, toAppError } from "../../base/errors.ts";
import { after } from "../../base/every.ts";
import type { ByteStream } from "../byte_stream.ts";
import { FrameReader, refuse } from "./frame_reader.ts";
import { Inbox } from "./inbox.ts";
import { CLOSE, encodeAck, encodeClose, encodeFin, type ResumeFrame } from "./protocol.ts";
import { ReplayBuffer } from "./replay_buffer.ts";

/** Acknowledged by itself at the latest when so much has been read since the last acknowledgement. */
const ACK_BYTES = 256 * 1024;
/** Acknowledged by itself when nothing was sent for so long that could have carried it. */
const ACK_MS = 50;
/** What may wait for the connection itself: more would only make a keystroke wait behind it. */
const MAX_UNSENT_BYTES = 256 * 1024;

/** One connection that carries a session for a while: an open WebSocket with the subprotocol agreed on. */
export interface Carrier extends ByteStream {
  /** Makes what the last `read` gave last beyond the next one. */
  keepLast(): void;
  /** Settles when nothing more arrives, though what has arrived may not all have been read; never rejects. */
  readonly stopped: Promise<void>;
  /** Sends what was written, then closes; takes a moment at most. */
  close(): Promise<void>;
}

/** How the time on one connection ended. */
export type CarrierEnd =
  /** It broke or ended without a word: the session waits for another. */
  | { readonly kind: "lost"; readonly error: AppError | undefined }
  /** Another one has taken over. */
  | { readonly kind: "replaced" }
  /** The session itself is over. */
  | { readonly kind: "over" };

/** A carrier at work. */
export interface Attached {
  /** Resolves when its time is over; never rejects. */
  readonly ended: Promise<CarrierEnd>;
}

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

interface Attachment {
  readonly carrier: Carrier;
  readonly reader: FrameReader;
  readonly controls: Uint8Array[];
  readonly done: PromiseWithResolvers<CarrierEnd>;
  isFinSent: boolean;
  isOver: boolean;
  wakeSender: (() => void) | undefined;
}

/**
 * A stream that outlives its connections: the same bytes, once and in order, over one carrier after the other.
 *
 * What was written is kept until the far side acknowledges it, 8 MiB at most; then `write` waits. Without a carrier
 * `read` and `write` wait for the next one. Both ends of a session are one of these; whoever owns it attaches carriers.
 */
export class ResumableSession implements ByteStream {
  readonly #options: ResumableSessionOptions;
  readonly #replay: ReplayBuffer;
  readonly #inbox: Inbox;
  readonly #over = new AbortController();
  #attachment: Attachment | undefined;
  #ackSent = 0;
  #ackTimer: Disposable | undefined;
  #isAckDue = false;
  #isWriteClosed = false;
  #isFinSent = false;
  #isFinAcked = false;
  #isDisposed = false;
  #failure: AppError | undefined;
  #hasHeard = false;
  #wakeWriter: (() => void) | undefined;
  /** Last words under way. */
  readonly #farewells = new Set<Promise<void>>();
  readonly #finAcked = Promise.withResolvers<void>();

  constructor(options: ResumableSessionOptions = {}) {
    this.#options = options;
    this.#replay = new ReplayBuffer(options.maxReplayBytes);
    this.#inbox = new Inbox(() => this.#oweAck());
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
    return this.#attachment !== undefined;
  }

  /** How much of theirs has been taken: what a RESUME tells. */
  get received(): number {
    return this.#inbox.acknowledged;
  }

  /** What it holds in memory, both ways, without what its buffers have to spare. */
  get bufferedBytes(): number {
    return this.#replay.end - this.#replay.acked + this.#inbox.queuedBytes;
  }

  /** Settles once the far side has taken all that was written, its end too; never rejects. */
  get allTaken(): Promise<void> {
    return this.#finAcked.promise;
  }

  /** @throws AppError why the session was given up */
  read(): Promise<Uint8Array | null> {
    return this.#inbox.read();
  }

  /** Takes `bytes` over; waits while too much is unacknowledged. @throws AppError `tunnel_closed`, or why it was given up */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      this.#assertWritable();
      const room = Math.min(
        this.#replay.room,
        this.#attachment ? MAX_UNSENT_BYTES - this.#replay.unsentBytes : Infinity,
      );
      if (room > 0) {
        const piece = at === 0 && room >= bytes.length ? bytes : bytes.subarray(at, at + room);
        this.#replay.append(piece);
        at += piece.length;
        this.#attachment?.wakeSender?.();
      } else {
        await this.#roomToWrite();
      }
    }
  }

  closeWrite(): Promise<void> {
    if (!this.#isWriteClosed) {
      this.#isWriteClosed = true;
      this.#attachment?.wakeSender?.();
    }
    return Promise.resolve();
  }

  /**
   * Goes on over `carrier`, which is owned from now on; one that is attached is told that it is replaced, and closed.
   */
  attach(carrier: Carrier, { reader = new FrameReader(), peerReceived, greet }: AttachOptions): Attached {
    const attachment: Attachment = {
      carrier,
      reader,
      controls: [],
      done: Promise.withResolvers<CarrierEnd>(),
      isFinSent: false,
      isOver: false,
      wakeSender: undefined,
    };
    if (this.#over.signal.aborted) {
      carrier[Symbol.dispose]();
      return { ended: Promise.resolve({ kind: "over" }) };
    }
    const former = this.#attachment;
    this.#attachment = attachment;
    if (former) this.#replace(former);
    try {
      this.#resumeAt(peerReceived);
    } catch (error) {
      this.#breach(attachment, error);
      return { ended: attachment.done.promise };
    }
    this.#ackSent = this.#inbox.restart();
    this.#isAckDue = false;
    if (greet) attachment.controls.push(greet(this.#ackSent));
    this.#receiveAll(attachment).catch((error) => this.#onTrouble(attachment, error));
    this.#sendAll(attachment).catch((error) => this.#lose(attachment, error));
    // A consumer that takes its time must not keep us from noticing that the connection is gone.
    carrier.stopped.then(() => attachment.isOver || this.#inbox.spill());
    this.#wakeWriter?.();
    return { ended: attachment.done.promise };
  }

  /** Lets the connection go as if it had broken. */
  detach(): void {
    if (this.#attachment) this.#lose(this.#attachment, undefined);
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
    if (this.#isDisposed || this.#isWriteClosed || this.#over.signal.aborted) {
      throw new AppError("tunnel_closed", "Cannot write to a session that is closed");
    }
  }

  async #roomToWrite(): Promise<void> {
    // Only acknowledgements can make room: they must come through whatever the consumer does.
    const isFull = this.#replay.room <= 0;
    if (isFull) this.#inbox.spill();
    await new Promise<void>((resolve) => this.#wakeWriter = resolve);
    this.#wakeWriter = undefined;
    if (isFull) this.#inbox.settle();
  }

  #resumeAt(peerReceived: number): void {
    const { end } = this.#replay;
    // The end of a direction takes a number as well, behind all bytes.
    const isEndTaken = this.#isFinSent && peerReceived === end + 1;
    this.#replay.rewind(isEndTaken ? end : peerReceived);
    if (isEndTaken) this.#onFinAcked();
  }

  async #sendAll(attachment: Attachment): Promise<void> {
    while (!attachment.isOver) {
      const bytes = this.#nextToSend(attachment);
      if (bytes) {
        await attachment.carrier.write(bytes);
        if (this.#replay.unsentBytes < MAX_UNSENT_BYTES) this.#wakeWriter?.();
      } else {
        await new Promise<void>((resolve) => attachment.wakeSender = resolve);
        attachment.wakeSender = undefined;
      }
    }
  }

  #nextToSend(attachment: Attachment): Uint8Array | undefined {
    const control = attachment.controls.shift();
    if (control) return control;
    const ack = this.#inbox.acknowledged;
    const data = this.#replay.take(ack);
    if (data) {
      this.#acked(ack);
      return data;
    }
    if (this.#isWriteClosed && !attachment.isFinSent && !this.#isFinAcked) {
      attachment.isFinSent = this.#isFinSent = true;
      this.#acked(ack);
      return encodeFin({ sequence: this.#replay.end, ack });
    }
    if (!this.#isAckDue) return undefined;
    this.#acked(ack);
    return encodeAck(ack);
  }

  #acked(ack: number): void {
    this.#ackSent = ack;
    this.#isAckDue = false;
  }

  /** More was taken than was acknowledged: soon enough something sent will say so, or an ACK by itself. */
  #oweAck(): void {
    if (this.#inbox.acknowledged - this.#ackSent >= ACK_BYTES) return this.#ackNow();
    this.#ackTimer ??= after(ACK_MS, () => {
      this.#ackTimer = undefined;
      if (this.#inbox.acknowledged > this.#ackSent) this.#ackNow();
    });
  }

  #ackNow(): void {
    this.#isAckDue = true;
    this.#attachment?.wakeSender?.();
  }

  async #receiveAll(attachment: Attachment): Promise<void> {
    const { carrier, reader } = attachment;
    const keep = () => carrier.keepLast();
    for (;;) {
      for (let frame = reader.next(); frame; frame = reader.next()) {
        const wait = this.#onFrame(attachment, { frame, keep });
        if (wait) await wait;
        if (attachment.isOver) return;
      }
      const bytes = await carrier.read();
      if (attachment.isOver) return;
      if (bytes === null) return this.#lose(attachment, undefined);
      this.#hasHeard = true;
      reader.feed(bytes);
    }
  }

  #onFrame(
    attachment: Attachment,
    { frame, keep }: { frame: ResumeFrame; keep: () => void },
  ): Promise<void> | undefined {
    switch (frame.kind) {
      case "data":
        this.#onAck(frame.ack);
        return this.#inbox.deliver(frame, keep);
      case "ack":
        return this.#onAck(frame.ack);
      case "fin":
        this.#onAck(frame.ack);
        this.#inbox.deliverFin(frame.sequence);
        return undefined;
      case "close":
        return this.#onClose(attachment, frame.code);
      case "welcome":
        if (!this.#options.onWelcome) throw refuse("a WELCOME out of turn");
        this.#options.onWelcome(frame);
        return undefined;
      case "resume":
        throw refuse("a RESUME out of turn");
    }
  }

  #onAck(ack: number): undefined {
    const { end } = this.#replay;
    if (this.#isFinSent && ack === end + 1) {
      this.#replay.acknowledge(end);
      this.#onFinAcked();
    } else {
      this.#replay.acknowledge(ack);
    }
    this.#wakeWriterIfRoom();
  }

  #onFinAcked(): void {
    this.#isFinAcked = true;
    this.#finAcked.resolve();
  }

  #wakeWriterIfRoom(): void {
    if (this.#wakeWriter && this.#replay.room > 0) this.#wakeWriter();
  }

  #onClose(attachment: Attachment, code: number): undefined {
    if (code === CLOSE.replaced) return this.#retire(attachment, { kind: "replaced" });
    if (code !== CLOSE.ended) this.#failure ??= closeError(code);
    attachment.isOver = true;
    this.#finish(undefined, this.#failure);
  }

  /** What the receiving side threw: the connection broke, or the far side does not keep to the protocol. */
  #onTrouble(attachment: Attachment, error: unknown): void {
    if (attachment.isOver) return;
    if (error instanceof AppError && error.code === "protocol") this.#breach(attachment, error);
    else this.#lose(attachment, error);
  }

  /** A far side that breaks the protocol would break it again: the session is over. */
  #breach(attachment: Attachment, error: unknown): void {
    if (!attachment.isOver) this.fail(toAppError(error), CLOSE.protocol);
  }

  #lose(attachment: Attachment, error: unknown): void {
    this.#retire(attachment, { kind: "lost", error: error === undefined ? undefined : toAppError(error) });
  }

  #retire(attachment: Attachment, end: CarrierEnd): undefined {
    if (attachment.isOver) return;
    attachment.isOver = true;
    if (this.#attachment === attachment) this.#attachment = undefined;
    attachment.wakeSender?.();
    attachment.carrier[Symbol.dispose]();
    attachment.done.resolve(end);
    // Without a connection the writer may fill all of the buffer.
    this.#wakeWriterIfRoom();
  }

  #replace(attachment: Attachment): void {
    if (attachment.isOver) return;
    attachment.isOver = true;
    attachment.wakeSender?.();
    attachment.done.resolve({ kind: "replaced" });
    this.#sayLastly(attachment.carrier, CLOSE.replaced);
  }

  #finish(code: number | undefined, failure: AppError | undefined): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort(failure);
    this.#inbox.end(failure);
    this.#finAcked.resolve();
    this.#replay.clear();
    this.#wakeWriter?.();
    this.#ackTimer?.[Symbol.dispose]();
    const attachment = this.#attachment;
    this.#attachment = undefined;
    if (!attachment) return;
    attachment.isOver = true;
    attachment.wakeSender?.();
    attachment.done.resolve({ kind: "over" });
    this.#sayLastly(attachment.carrier, code);
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

/** Sends one last frame, if any, and closes: two seconds at most. Never rejects. */
export async function sayLastly(carrier: Carrier, frame: Uint8Array | undefined): Promise<void> {
  const said = frame ? carrier.write(frame) : undefined;
  said?.catch(() => {/* it is gone already: nobody is left to be told */});
  try {
    await carrier.close();
  } catch {
    // Gone already.
  }
}

/** What a person is told about a session that the far side ended with `code`. */
export function closeError(code: number): AppError {
  const details = { closeCode: code };
  switch (code) {
    case CLOSE.unknown:
      return new AppError("tunnel_closed", "The session is gone: the agent does not know it any more", {
        hint: "The job was started anew, or the session was held too long: connect again",
        details,
      });
    case CLOSE.refused:
      return new AppError(
        "auth_denied",
        "The agent does not give the session back: it was opened with another identity",
        {
          hint: "Log in as the same user as before, or connect again",
          details,
        },
      );
    case CLOSE.overloaded:
      return new AppError("tunnel_closed", "The agent gave the session up: it holds as many as it may", {
        hint: "Connect again",
        details,
      });
    default:
      return new AppError("tunnel_closed", `The far side gave the session up (code ${code})`, {
        hint: "Connect again; if it happens again, use the same version of porthole on both sides",
        details,
      });
  }
}
