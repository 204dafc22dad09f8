import { sleep } from "../base/abort.ts";
import { AppError } from "../base/errors.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import type { Phase } from "./faults.ts";

/** When something happens: so many sent bytes after a phase began. */
export interface StreamPoint {
  readonly phase: Phase;
  readonly bytes: number;
}

/** What {@link FaultyStream} does besides carrying bytes. */
export interface StreamFaults {
  /** Before the first byte is sent. */
  readonly bannerDelayMs?: number | undefined;
  readonly garbage?: Uint8Array | undefined;
  readonly disconnect?: StreamPoint | undefined;
  readonly stall?: StreamPoint | undefined;
  readonly idleDropMs?: number | undefined;
}

const PHASES: readonly Phase[] = ["connect", "kex", "auth", "session"];
const LF = 10;

/** The server's end of a connection: counts what goes through, knows the phase, and goes wrong where it is told to. */
export class FaultyStream implements ByteStream {
  receivedBytes = 0;
  sentBytes = 0;
  readonly #inner: ByteStream;
  readonly #faults: StreamFaults;
  readonly #gone = new AbortController();
  /** What had been sent when each phase began. */
  readonly #beganAt = new Map<Phase, number>([["connect", 0]]);
  #isBegun = false;
  #isLettingIn = false;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(inner: ByteStream, faults: StreamFaults = {}) {
    this.#inner = inner;
    this.#faults = faults;
    this.#touch();
    this.#heed();
  }

  /** True once it is closed: nothing that is still under way reaches the client. */
  get isGone(): boolean {
    return this.#gone.signal.aborted;
  }

  /** For the server: a phase begins, and those before it if they have not. */
  enter(phase: Phase): void {
    for (const each of PHASES.slice(0, PHASES.indexOf(phase) + 1)) {
      if (!this.#beganAt.has(each)) this.#beganAt.set(each, this.sentBytes);
    }
    this.#heed();
  }

  /** For the server: the session begins with the client told so, in what is written next. */
  letIn(): void {
    this.#isLettingIn = true;
  }

  async read(): Promise<Uint8Array | null> {
    await this.#whileStalled();
    const bytes = await this.#inner.read();
    await this.#whileStalled();
    if (this.#gone.signal.aborted || bytes === null) return null;
    this.receivedBytes += bytes.length;
    this.#touch();
    if (!this.#beganAt.has("kex") && bytes.includes(LF)) this.enter("kex");
    return this.#gone.signal.aborted ? null : bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#begin();
    for (let at = 0; at < bytes.length;) {
      this.#heed();
      await this.#whileStalled();
      this.#gone.signal.throwIfAborted();
      const piece = bytes.subarray(at, at + this.#allowance());
      await this.#inner.write(piece);
      this.sentBytes += piece.length;
      at += piece.length;
      this.#touch();
    }
    if (this.#isLettingIn) this.enter("session");
    this.#isLettingIn = false;
    this.#heed();
  }

  async closeWrite(): Promise<void> {
    if (this.#isStalled) return;
    await this.#inner.closeWrite();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#idle);
    this.#gone.abort(new AppError("tunnel_closed", "The test server closed the connection"));
    this.#inner[Symbol.dispose]();
  }

  async #begin(): Promise<void> {
    if (this.#isBegun) return;
    this.#isBegun = true;
    const { bannerDelayMs, garbage } = this.#faults;
    if (bannerDelayMs !== undefined) await sleep(bannerDelayMs, this.#gone.signal);
    if (garbage) await this.#inner.write(garbage);
  }

  /** How much may be sent before the next point. */
  #allowance(): number {
    const left = [this.#faults.disconnect, this.#faults.stall].map((point) => this.#left(point)).filter((n) => n > 0);
    return Math.min(Infinity, ...left);
  }

  /** How many bytes are to be sent until `point`; Infinity while its phase has not begun. */
  #left(point: StreamPoint | undefined): number {
    const beganAt = point && this.#beganAt.get(point.phase);
    return beganAt === undefined || point === undefined ? Infinity : beganAt + point.bytes - this.sentBytes;
  }

  get #isStalled(): boolean {
    return this.#left(this.#faults.stall) <= 0;
  }

  #heed(): void {
    if (this.#left(this.#faults.disconnect) <= 0) this[Symbol.dispose]();
  }

  /** A stall lasts until the connection is closed. */
  #whileStalled(): Promise<void> {
    const { signal } = this.#gone;
    if (!this.#isStalled || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  #touch(): void {
    const { idleDropMs } = this.#faults;
    if (idleDropMs === undefined || this.#gone.signal.aborted) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this[Symbol.dispose](), idleDropMs);
  }
}
