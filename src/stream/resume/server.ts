import { deadline, orAbort } from "../../base/abort.ts";
import { formatDuration } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { MAX_TIMER_MS } from "../../base/every.ts";
import type { ByteStream } from "../byte_stream.ts";
import { FrameReader } from "./frame_reader.ts";
import { CLOSE, encodeClose, encodeWelcome, type ResumeFrame, SESSION_ID_BYTES } from "./protocol.ts";
import { type Attached, type Carrier, sayLastly } from "./carrier.ts";
import { type AttachOptions, ResumableSession } from "./session.ts";

/** From the 101 to a RESUME, which needs no round trip. */
const RESUME_TIMEOUT_MS = 10_000;
/** Last bytes of a server that is done are brought over for so long, even to a client that must come back for them. */
const LINGER_MS = 30_000;
/** A client that never said a word was cut off as it began and comes back at once, or is a probe that never does. */
const SILENT_HOLD_MS = 30_000;
/** How often what held sessions take is added up. */
const CHECK_MS = 5000;
/** Sessions that are remembered only to tell their clients why they are gone. */
const MAX_REMEMBERED = 1000;
/** The part of an id that finds a session; the rest proves that it is known. */
const FINDING_BYTES = 8;

/** What an agent may spend on sessions without a connection. */
export interface HoldLimits {
  /** How long a session waits for its client. */
  readonly holdMs: number;
  /** Sessions waiting at one time; for one more the one that waits longest is given up, those without a log-in first. */
  readonly maxHeld: number;
  /** What they may hold in memory together. */
  readonly maxHeldBytes: number;
}

/** Enough for a team whose ingress restarts; each session holds at most 16 MiB. */
export const DEFAULT_HOLD_LIMITS: HoldLimits = {
  holdMs: 15 * 60_000,
  maxHeld: 256,
  maxHeldBytes: 512 * 1024 * 1024,
};

/** Options of {@link ResumeSessions}. */
export interface ResumeSessionsOptions extends Partial<HoldLimits> {
  /** Told of clients that are turned away; no secret in it. */
  readonly onNotice?: (line: string) => void;
  /** Told of sessions that are given up to stay within the limits. */
  readonly onLimit?: (line: string) => void;
}

/** Who a connection belongs to, as far as whoever let it in tells: equal texts are the same. */
export interface Belonging {
  readonly identity: string;
}

/** A session as the server behind it has it. */
export interface ServedSession extends ByteStream {
  /** Its client has shown who it is: when some must be given up, those that have not go first. */
  confirm(): void;
}

interface Entry extends Belonging {
  readonly id: Uint8Array;
  readonly session: ResumableSession;
  isConfirmed: boolean;
  holdTimer: ReturnType<typeof setTimeout> | undefined;
}

/**
 * The server's end of all sessions: opens them, gives them back to clients that come again with the id, and holds those
 * whose connection is gone, within its limits.
 */
export class ResumeSessions implements AsyncDisposable {
  readonly #limits: HoldLimits;
  readonly #onNotice: (line: string) => void;
  readonly #onLimit: (line: string) => void;
  /** By the finding part of the id. */
  readonly #entries = new Map<string, Entry>();
  /** Those without a connection; the one that waits longest first. */
  readonly #held = new Set<Entry>();
  /** The finding parts of those that were given up to stay within the limits, the latest last. */
  readonly #givenUp = new Set<string>();
  readonly #farewells = new Set<Promise<unknown>>();
  /** Runs while sessions are held: what they are sent meanwhile counts too. */
  #checking: ReturnType<typeof setInterval> | undefined;

  constructor({ onNotice = () => {}, onLimit = () => {}, ...limits }: ResumeSessionsOptions = {}) {
    this.#limits = { ...DEFAULT_HOLD_LIMITS, ...limits };
    this.#onNotice = onNotice;
    this.#onLimit = onLimit;
  }

  /** Sessions, with a connection or without. */
  get count(): number {
    return this.#entries.size;
  }

  /** Sessions that wait for their client. */
  get heldCount(): number {
    return this.#held.size;
  }

  /** Begins a session on `carrier`, which is owned from now on. The stream lives as long as the session. */
  open(carrier: Carrier, { identity }: Belonging): ServedSession {
    const id = crypto.getRandomValues(new Uint8Array(SESSION_ID_BYTES));
    const entry: Entry = { id, identity, session: new ResumableSession(), isConfirmed: false, holdTimer: undefined };
    this.#entries.set(findingPart(id), entry);
    entry.session.over.addEventListener("abort", () => this.#forget(entry), { once: true });
    this.#attach(entry, { carrier, peerReceived: 0 });
    return new ServedStream(entry);
  }

  /** Reads which session `carrier` comes for and gives it that, or tells it why not. Never rejects. */
  async resume(carrier: Carrier, { identity }: Belonging): Promise<void> {
    const reader = new FrameReader();
    let frame: ResumeFrame & { readonly kind: "resume" };
    try {
      using limit = deadline(RESUME_TIMEOUT_MS, { reason: () => new AppError("timeout", "No RESUME came") });
      frame = await orAbort(readResume(carrier, reader), limit.signal);
    } catch {
      carrier[Symbol.dispose]();
      return;
    }
    const finding = findingPart(frame.id);
    const entry = this.#entries.get(finding);
    if (!entry || !isEqual(entry.id, frame.id)) {
      return this.#refuse(carrier, this.#givenUp.has(finding) ? CLOSE.overloaded : CLOSE.unknown);
    }
    if (entry.identity !== identity) {
      this.#onNotice("A session was asked for by another identity than the one that opened it: refused");
      return this.#refuse(carrier, CLOSE.refused);
    }
    this.#attach(entry, { carrier, reader, peerReceived: frame.received });
  }

  /** Ends all sessions and tells their clients. */
  async [Symbol.asyncDispose](): Promise<void> {
    const farewells = [...this.#entries.values()].map(({ session }) => {
      session[Symbol.dispose]();
      return session.farewell;
    });
    await Promise.all([...farewells, ...this.#farewells]);
  }

  #attach(entry: Entry, { carrier, ...options }: Omit<AttachOptions, "greet"> & { readonly carrier: Carrier }): void {
    this.#release(entry);
    const holdSeconds = Math.floor(this.#limits.holdMs / 1000);
    const attached = entry.session.attach(carrier, {
      ...options,
      greet: (received) => encodeWelcome({ id: entry.id, received, holdSeconds }),
    });
    this.#watch(entry, attached);
  }

  async #watch(entry: Entry, { ended }: Attached): Promise<void> {
    await ended;
    // Lost, and not by its end nor to another connection, which can come in the very same turn.
    if (entry.session.over.aborted || entry.session.isAttached) return;
    const { maxHeld } = this.#limits;
    const holdMs = entry.session.hasHeard ? this.#limits.holdMs : Math.min(this.#limits.holdMs, SILENT_HOLD_MS);
    if (holdMs <= 0 || maxHeld <= 0) return entry.session[Symbol.dispose]();
    this.#release(entry);
    this.#held.add(entry);
    entry.holdTimer = setTimeout(() => {
      entry.session.fail(
        new AppError("tunnel_closed", `The client did not come back within ${formatDuration(holdMs)}`),
        CLOSE.unknown,
      );
    }, Math.min(holdMs, MAX_TIMER_MS));
    this.#checking ??= setInterval(() => this.#keepToLimits(), CHECK_MS);
    this.#keepToLimits();
  }

  #keepToLimits(): void {
    const { maxHeld, maxHeldBytes } = this.#limits;
    const heldBytes = () => [...this.#held].reduce((sum, { session }) => sum + session.bufferedBytes, 0);
    while (this.#held.size > maxHeld || heldBytes() > maxHeldBytes) {
      const [first] = this.#held;
      const oldest = [...this.#held].find(({ isConfirmed }) => !isConfirmed) ?? first;
      if (!oldest) return;
      const what = `${this.#held.size} sessions with ${Math.round(heldBytes() / 2 ** 20)} MiB`;
      this.#onLimit(`${what} wait for their clients: gave up the one that has waited longest`);
      this.#remember(oldest);
      oldest.session.fail(new AppError("tunnel_closed", "Too many sessions waited for their clients"));
    }
  }

  #remember({ id }: Entry): void {
    this.#givenUp.add(findingPart(id));
    const [first] = this.#givenUp;
    if (this.#givenUp.size > MAX_REMEMBERED && first !== undefined) this.#givenUp.delete(first);
  }

  #refuse(carrier: Carrier, code: number): void {
    this.#sayGoodbye(sayLastly(carrier, encodeClose(code)));
  }

  #release(entry: Entry): void {
    clearTimeout(entry.holdTimer);
    this.#held.delete(entry);
    if (this.#held.size > 0) return;
    clearInterval(this.#checking);
    this.#checking = undefined;
  }

  #forget(entry: Entry): void {
    this.#release(entry);
    this.#entries.delete(findingPart(entry.id));
    // What it says lastly is begun in this very turn.
    queueMicrotask(() => this.#sayGoodbye(entry.session.farewell));
  }

  #sayGoodbye(farewell: Promise<unknown>): void {
    this.#farewells.add(farewell);
    farewell.finally(() => this.#farewells.delete(farewell));
  }
}

/** A session as the server behind it sees it: once it has ended its side, a dispose still lets its last bytes arrive. */
class ServedStream implements ServedSession {
  readonly #entry: Entry;
  readonly #session: ResumableSession;
  #isWriteClosed = false;
  #isDisposed = false;

  constructor(entry: Entry) {
    this.#entry = entry;
    this.#session = entry.session;
  }

  confirm(): void {
    this.#entry.isConfirmed = true;
  }

  read(): Promise<Uint8Array | null> {
    return this.#session.read();
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#session.write(bytes);
  }

  closeWrite(): Promise<void> {
    this.#isWriteClosed = true;
    return this.#session.closeWrite();
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#entry.isConfirmed = false;
    if (!this.#isWriteClosed) return this.#session[Symbol.dispose]();
    this.#session.discardIncoming();
    const timer = setTimeout(() => this.#session[Symbol.dispose](), LINGER_MS);
    this.#session.allTaken.then(() => {
      clearTimeout(timer);
      this.#session[Symbol.dispose]();
    });
  }
}

async function readResume(carrier: Carrier, reader: FrameReader): Promise<ResumeFrame & { readonly kind: "resume" }> {
  for (;;) {
    const bytes = await carrier.read();
    if (bytes === null) throw new AppError("tunnel_closed", "The connection ended before a RESUME came");
    reader.feed(bytes);
    const frame = reader.next();
    if (frame?.kind === "resume") return frame;
    if (frame) throw new AppError("protocol", `A client that came back began with ${frame.kind}`);
  }
}

function findingPart(id: Uint8Array): string {
  return id.subarray(0, FINDING_BYTES).toHex();
}

/** In a time that does not tell where they differ. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let at = 0; at < a.length; at++) difference |= (a[at] ?? 0) ^ (b[at] ?? 0);
  return difference === 0;
}
