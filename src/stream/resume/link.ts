import { type AppError, toAppError } from "../../base/errors.ts";
import { after } from "../../base/every.ts";
import type { Carrier, CarrierEnd } from "./carrier.ts";
import type { FrameReader } from "./frame_reader.ts";
import type { ResumeFrame } from "./protocol.ts";

/** So much in one read of which less than this share is news is a flood of acknowledgements, or of bytes sent again. */
const HOLLOW_BYTES = 4096;
const HOLLOW_SHARE = 16;
const HOLLOW_PAUSE_MS = 25;

/** What a link asks its session, and tells it. Nothing is asked or told any more once the link has ended. */
export interface LinkHandlers {
  /** The next bytes to send, if there are any. */
  next(): Uint8Array | undefined;
  onSent(): void;
  /** How many bytes of the far side have arrived. */
  arrived(): number;
  /** Bytes came, of whatever. */
  onHeard(): void;
  /** Takes a frame; no other follows before the promise settles. @throws AppError for a breach of the protocol */
  onFrame(frame: ResumeFrame, keep: () => void): Promise<void> | undefined;
  onBreach(error: AppError): void;
  onLost(error: AppError | undefined): void;
}

/** One carrier's time with a session: sends what there is to send and hands out the frames that arrive. */
export class Link {
  readonly ended: Promise<CarrierEnd>;
  readonly #end: (end: CarrierEnd) => void;
  readonly #handlers: LinkHandlers;
  #isOver = false;
  #wakeSender: (() => void) | undefined;

  constructor(readonly carrier: Carrier, handlers: LinkHandlers) {
    this.#handlers = handlers;
    const { promise, resolve } = Promise.withResolvers<CarrierEnd>();
    this.ended = promise;
    this.#end = resolve;
  }

  /** True once it has ended, whoever ended it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Begins; `reader` may hold what came behind the greeting. */
  run(reader: FrameReader): void {
    this.#receiveAll(reader);
    this.#sendAll().catch((error) => this.#lose(error));
  }

  /** There is something to send. */
  wake(): void {
    this.#wakeSender?.();
  }

  /** Ends it. The carrier stays open: that is for whoever says the last word. */
  end(how: CarrierEnd): void {
    this.#isOver = true;
    this.#wakeSender?.();
    this.#end(how);
  }

  async #sendAll(): Promise<void> {
    while (!this.#isOver) {
      const bytes = this.#handlers.next();
      if (bytes) {
        await this.carrier.write(bytes);
        if (!this.#isOver) this.#handlers.onSent();
      } else {
        await new Promise<void>((resolve) => this.#wakeSender = resolve);
        this.#wakeSender = undefined;
      }
    }
  }

  async #receiveAll(reader: FrameReader): Promise<void> {
    const keep = () => this.carrier.keepLast();
    for (let count = 0; !this.#isOver;) {
      const arrived = this.#handlers.arrived();
      try {
        for (let frame = reader.next(); frame && !this.#isOver; frame = reader.next()) {
          const wait = this.#handlers.onFrame(frame, keep);
          if (wait) await wait;
        }
      } catch (error) {
        if (!this.#isOver) this.#handlers.onBreach(toAppError(error));
        return;
      }
      if (this.#isOver) return;
      const isHollow = count >= HOLLOW_BYTES && this.#handlers.arrived() - arrived < count / HOLLOW_SHARE;
      if (isHollow) await new Promise<void>((resolve) => after(HOLLOW_PAUSE_MS, resolve));
      // What the carrier itself throws, a broken WebSocket frame too, ends the carrier and not the session.
      const bytes = await this.carrier.read().catch((error) => this.#lose(error));
      if (this.#isOver || bytes === undefined) return;
      if (bytes === null) return this.#lose(undefined);
      this.#handlers.onHeard();
      reader.feed(bytes);
      count = bytes.length;
    }
  }

  #lose(error: unknown): undefined {
    if (!this.#isOver) this.#handlers.onLost(error === undefined ? undefined : toAppError(error));
  }
}
