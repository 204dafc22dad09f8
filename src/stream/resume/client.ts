import { deadline, orAbort } from "../../base/abort.ts";
import { AppError, toAppError } from "../../base/errors.ts";
import { after, every } from "../../base/every.ts";
import type { ByteStream } from "../byte_stream.ts";
import { FrameReader } from "./frame_reader.ts";
import { CLOSE, encodeResume, RESUME_AGAIN, RESUME_NEW, type ResumeFrame } from "./protocol.ts";
import { Outage } from "./outage.ts";
import {
  type Attached,
  type Carrier,
  type CarrierEnd,
  type DialledCarrier,
  isCarrier,
  type ResumeDialer,
} from "./carrier.ts";
import { closeError, isSessionClose } from "./close_error.ts";
import { ResumableSession } from "./session.ts";

/** How long a session may be without a connection, unless told otherwise; the agent's own default is the same. */
export const DEFAULT_RESUME_FOR_MS = 15 * 60_000;
/** From the 101 to the WELCOME: one round trip. */
const WELCOME_TIMEOUT_MS = 15_000;
/** A session that was never confirmed is begun anew for so long: its agent may be going down. */
const FIRST_TRIES_MS = 5000;
/** One connection after the other that ends so soon and has brought nothing is a try that failed. */
const FRUITLESS_MS = 1000;
/** How often the clock is looked at, and how far it may have jumped until that counts as sleep. */
const WAKE_CHECK_MS = 5000;
const WAKE_JUMP_MS = 15_000;

/** Options of `dialResumable`. */
export interface DialResumableOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long it is tried to come back; the agent may hold sessions for less. */
  readonly resumeForMs?: number;
  /** As `resumeForMs`, while a port of this machine refuses every try; 25 s unless given. */
  readonly nobodyHereMs?: number | undefined;
  /** A connection is replaced, without a gap, once it is so old; up to a tenth sooner. */
  readonly maxConnectionAgeMs?: number | undefined;
  /** The session is without a connection, and the first try to come back has failed. */
  readonly onHeld?: (held: { readonly forMs: number; readonly why: string }) => void;
  /** After {@link onHeld}, once: there is no way back until a person mends this, such as a token that ran out. */
  readonly onStuck?: (failure: AppError) => void;
  /** It is back after {@link onHeld}. */
  readonly onBack?: (back: { readonly afterMs: number }) => void;
  /** For debugging: what the session does; no secret in it. */
  readonly onNote?: (line: string) => void;
}

/** Why the present connection is to be followed by another. */
type Trouble = "lost" | "asleep" | "old";

/** The client's end of a session: dials again whenever its connection is lost or has grown old. */
export class ResumableClient implements ByteStream {
  /** Tells it from a plain stream where this file is not loaded. */
  readonly isResumable = true;
  readonly #dial: ResumeDialer;
  readonly #options: DialResumableOptions;
  readonly #session: ResumableSession;
  #closing: Promise<void> | undefined;
  #id: Uint8Array | undefined;
  #holdMs: number;
  readonly #begunAt = performance.now();
  /** Connections that were lost before the agent had given it an id. */
  #lostNameless = 0;

  /** Begins with a connection on which {@link RESUME_NEW} was chosen. */
  constructor(carrier: Carrier, dial: ResumeDialer, options: DialResumableOptions) {
    this.#dial = dial;
    this.#options = options;
    this.#holdMs = options.resumeForMs ?? DEFAULT_RESUME_FOR_MS;
    this.#session = new ResumableSession({ onWelcome: (frame) => this.#onWelcome(frame) });
    this.#run(this.#session.attach(carrier, { peerReceived: 0 }));
  }

  read(): Promise<Uint8Array | null> {
    return this.#session.read();
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#session.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#session.closeWrite();
  }

  /** Ends the session and tells the agent, which would hold it for a client that comes back; `graceMs` at most. */
  close(options: { readonly graceMs?: number } = {}): Promise<void> {
    // A session that the agent has ended needs no farewell.
    const isOver = this.#session.over.aborted;
    this.#session[Symbol.dispose]();
    this.#closing ??= isOver ? Promise.resolve() : this.#session.close(options);
    return this.#closing;
  }

  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }

  #onWelcome({ id, holdSeconds }: ResumeFrame & { readonly kind: "welcome" }): void {
    if (this.#id) throw new AppError("protocol", "The agent welcomed the same session twice");
    this.#id = id;
    this.#holdMs = Math.min(this.#holdMs, holdSeconds * 1000);
  }

  async #run(first: Attached): Promise<void> {
    try {
      for (let present = first, fruitless = 0;;) {
        const { progress } = this.#session;
        const begunAt = performance.now();
        const trouble = await this.#untilTrouble(present);
        if (trouble === undefined) return;
        const isFruitless = this.#session.progress === progress && performance.now() - begunAt < FRUITLESS_MS;
        fruitless = trouble === "lost" && isFruitless ? fruitless + 1 : 0;
        // The first one is bad luck.
        present = await this.#comeBack(present, { trouble, failedTries: Math.max(0, fruitless - 1) });
      }
    } catch (error) {
      if (!this.#session.over.aborted) this.#session.fail(toAppError(error));
    }
  }

  /** Waits until the connection is lost, or is to be replaced; undefined when the session is over. */
  async #untilTrouble(present: Attached): Promise<Trouble | undefined> {
    const planned = Promise.withResolvers<Trouble>();
    using _age = this.#watchAge(() => planned.resolve("old"));
    using _wake = watchWakeUp(() => {
      this.#note("the machine was asleep: replacing the connection");
      planned.resolve("asleep");
    });
    // Replaced by none of ours: a try of our own that was given up has arrived late, and its connection is gone.
    const lost = present.ended.then(({ kind }): Trouble | undefined => kind === "over" ? undefined : "lost");
    return await Promise.race([lost, planned.promise]);
  }

  #watchAge(onOld: () => void): Disposable | undefined {
    const { maxConnectionAgeMs } = this.#options;
    return maxConnectionAgeMs === undefined ? undefined : after(maxConnectionAgeMs * (1 - Math.random() / 10), onOld);
  }

  /** Dials until another connection carries the session. @throws AppError when that is given up */
  async #comeBack(
    present: Attached,
    { trouble, failedTries }: { readonly trouble: Trouble; readonly failedTries: number },
  ): Promise<Attached> {
    const { over } = this.#session;
    const outage = new Outage(
      this.#id ? { ...this.#options, forMs: this.#holdMs, failedTries } : { forMs: FIRST_TRIES_MS },
    );
    // A hand-over that fails half-way leaves the old connection replaced, and the session without one.
    present.ended.then((end) => outage.begin(end.kind === "lost" ? end.error : undefined));
    if (trouble === "lost") this.#assertWorthTrying(await present.ended);
    if (failedTries > 0) await outage.pause(new AppError("tunnel_closed", "It ended as soon as it was there"), over);
    for (;;) {
      over.throwIfAborted();
      try {
        const next = await this.#dialAgain();
        outage.end();
        this.#note(trouble === "lost" ? "the session is back" : "the connection was replaced");
        return next;
      } catch (error) {
        over.throwIfAborted();
        const failure = toAppError(error);
        // While the old connection works, whoever does not know the session is not the agent that has it.
        const isOver = isSessionClose(failure) && !(trouble === "old" && this.#session.isAttached);
        if (isOver) throw failure;
        this.#note(`no way back yet: ${failure.message}`);
        await outage.pause(failure, over);
      }
    }
  }

  /** @throws AppError once an agent that gives no id has had its time */
  #assertWorthTrying(end: CarrierEnd): void {
    if (this.#id || ++this.#lostNameless === 1 || performance.now() - this.#begunAt < FIRST_TRIES_MS) return;
    const error = end.kind === "lost" ? end.error : undefined;
    throw error ?? new AppError("tunnel_closed", "The connection ended before the agent's answer");
  }

  async #dialAgain(): Promise<Attached> {
    const { over } = this.#session;
    const wanted = this.#id ? RESUME_AGAIN : RESUME_NEW;
    const carrier = await this.#dial({ protocols: [wanted], signal: over });
    if (!isCarrier(carrier) || carrier.protocol !== wanted) {
      carrier[Symbol.dispose]();
      throw closeError(CLOSE.unknown);
    }
    if (!this.#id) return this.#session.attach(carrier, { peerReceived: 0 });
    try {
      using limit = deadline(WELCOME_TIMEOUT_MS, { signal: over, reason: noWelcome });
      return await orAbort(this.#greet(carrier, this.#id), limit.signal);
    } catch (error) {
      carrier[Symbol.dispose]();
      throw error;
    }
  }

  /** Asks for the session over `carrier`; the present one goes on receiving until the answer is there. */
  async #greet(carrier: DialledCarrier, id: Uint8Array): Promise<Attached> {
    const reader = new FrameReader();
    await carrier.write(encodeResume({ id, received: this.#session.received }));
    for (;;) {
      const bytes = await carrier.read();
      if (bytes === null) throw new AppError("tunnel_closed", "The connection ended before the agent's answer");
      reader.feed(bytes);
      const frame = reader.next();
      if (frame?.kind === "close") throw closeError(frame.code);
      if (frame && frame.kind !== "welcome") throw new AppError("protocol", `The agent answered with ${frame.kind}`);
      if (frame?.id.some((byte, at) => byte !== id[at])) {
        throw new AppError("protocol", "The agent gave another session");
      }
      if (frame) return this.#session.attach(carrier, { reader, peerReceived: frame.received });
    }
  }

  #note(line: string): void {
    this.#options.onNote?.(line);
  }
}

function noWelcome(): AppError {
  return new AppError("timeout", `The agent did not answer within ${WELCOME_TIMEOUT_MS / 1000}s`);
}

/** Calls `onWake` when the clock has jumped: the machine was asleep or the process stopped, and the connection may be dead. */
function watchWakeUp(onWake: () => void): Disposable {
  let last = Date.now();
  return every(WAKE_CHECK_MS, () => {
    const now = Date.now();
    if (now - last > WAKE_CHECK_MS + WAKE_JUMP_MS) onWake();
    last = now;
  });
}
