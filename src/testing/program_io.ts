import { AppError } from "../base/errors.ts";
import type { PtyRequest, ServerSession, WindowSize } from "../ssh/server/session.ts";
import type { CommandRecord } from "./command_record.ts";
import { ProgramInput } from "./program_input.ts";
import type { VirtualFiles } from "./virtual_files.ts";

/** Text or bytes. */
export type Chunk = string | Uint8Array;

/** What a handler or a scripted shell has of the client and of the server. */
export interface ProgramIo {
  readonly user: string;
  /** What the client set. */
  readonly env: ReadonlyMap<string, string>;
  /** The terminal that was asked for; undefined without one. */
  readonly pty: PtyRequest | undefined;
  /** The window's size now, as changes came in; undefined without a terminal. */
  readonly size: WindowSize | undefined;
  readonly stdin: ProgramInput;
  /** At a terminal `\n` goes out as `\r\n`. Waits for the client's window. */
  stdout(chunk: Chunk): Promise<void>;
  stderr(chunk: Chunk): Promise<void>;
  /** Signals are the program's own business from now on: they do not end it. `TERM`, without `SIG`. */
  onSignal(listener: (signal: string) => void): Disposable;
  onResize(listener: (size: WindowSize) => void): Disposable;
  /** Aborted when the client has left, or a signal ended the program. */
  readonly signal: AbortSignal;
  /** The server's files. */
  readonly files: VirtualFiles;
  readonly record: CommandRecord;
}

/** What {@link SessionIo} is made of. */
export interface SessionIoOptions {
  readonly record: CommandRecord;
  readonly files: VirtualFiles;
  /** Told of each signal that the client sends, or types. */
  onSignal(name: string): void;
  onResize(size: WindowSize): void;
}

/** Signals that end a program which does nothing about them, with their numbers (POSIX). */
const FATAL: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  ABRT: 6,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
};

/** The number of a signal that ends programs; undefined for others. */
export function signalNumber(name: string): number | undefined {
  return FATAL[name];
}

/** {@link ProgramIo} on an SSH session. */
export class SessionIo implements ProgramIo, Disposable {
  readonly stdin: ProgramInput;
  readonly files: VirtualFiles;
  readonly record: CommandRecord;
  /** True: signals are told to listeners alone. */
  ignoresSignals = false;
  readonly #session: ServerSession;
  readonly #stack = new DisposableStack();
  readonly #ended = new AbortController();
  readonly #signalListeners = new Set<(signal: string) => void>();
  readonly #resizeListeners = new Set<(size: WindowSize) => void>();
  #size: WindowSize | undefined;
  #written: Promise<void> = Promise.resolve();

  constructor(session: ServerSession, { record, files, onSignal, onResize }: SessionIoOptions) {
    this.#session = session;
    this.#size = session.setup.pty?.size;
    this.record = record;
    this.files = files;
    const deliver = (name: string) => {
      onSignal(name);
      this.#deliver(name);
    };
    this.stdin = new ProgramInput(session, { record, onInterrupt: session.setup.pty && (() => deliver("INT")) });
    this.#stack.use(session.on("signal", deliver));
    this.#stack.use(session.on("resize", (size) => {
      this.#size = size;
      onResize(size);
      for (const listener of this.#resizeListeners) listener(size);
    }));
    const onClosed = () => this.#ended.abort(session.closed.reason);
    if (session.closed.aborted) onClosed();
    session.closed.addEventListener("abort", onClosed, { once: true });
    this.#stack.defer(() => session.closed.removeEventListener("abort", onClosed));
  }

  get user(): string {
    return this.record.user;
  }

  get env(): ReadonlyMap<string, string> {
    return this.record.env;
  }

  get pty(): PtyRequest | undefined {
    return this.record.pty;
  }

  get size(): WindowSize | undefined {
    return this.#size;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** The signal that ended the program. */
  endedBy: string | undefined;

  // These are fields so that handlers can take them out of the object: `({ stdin, stdout }) => ...`.
  readonly stdout = (chunk: Chunk): Promise<void> =>
    this.#inOrder(async () => {
      const bytes = this.#toBytes(chunk);
      await this.#session.write(bytes);
      this.record.stdoutBytes += bytes.length;
    });

  /** A terminal has one output. */
  readonly stderr = (chunk: Chunk): Promise<void> =>
    this.#inOrder(async () => {
      const bytes = this.#toBytes(chunk);
      if (this.pty) await this.#session.write(bytes);
      else await this.#session.writeStderr(bytes);
      this.record.stderrBytes += bytes.length;
    });

  /** Resolves once all that was written so far has left, or cannot. */
  get written(): Promise<void> {
    return this.#written;
  }

  readonly onSignal = (listener: (signal: string) => void): Disposable => {
    this.#signalListeners.add(listener);
    return { [Symbol.dispose]: () => void this.#signalListeners.delete(listener) };
  };

  readonly onResize = (listener: (size: WindowSize) => void): Disposable => {
    this.#resizeListeners.add(listener);
    return { [Symbol.dispose]: () => void this.#resizeListeners.delete(listener) };
  };

  /** A handler need not wait for what it writes: neither the order nor the process suffers when it does not. */
  #inOrder(write: () => Promise<void>): Promise<void> {
    const work = this.#written.then(() => {
      this.#ended.signal.throwIfAborted();
      return write();
    });
    this.#written = work.catch(() => {/* told to who waits for it; the session's end is told by `signal` */});
    return work;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
    this.#signalListeners.clear();
    this.#resizeListeners.clear();
  }

  #deliver(name: string): void {
    const isOwnBusiness = this.ignoresSignals || this.#signalListeners.size > 0;
    for (const listener of this.#signalListeners) listener(name);
    if (name !== "KILL" && isOwnBusiness) return;
    if (signalNumber(name) === undefined || this.#ended.signal.aborted) return;
    this.endedBy = name;
    this.#ended.abort(new AppError("cancelled", `The program was ended by SIG${name}`));
  }

  #toBytes(chunk: Chunk): Uint8Array {
    if (!this.pty) return typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
    const text = typeof chunk === "string" ? chunk : latin1(chunk);
    const cooked = text.replace(/\r?\n/g, "\r\n");
    return typeof chunk === "string" ? new TextEncoder().encode(cooked) : fromLatin1(cooked);
  }
}

/** Byte for byte, so that what is no UTF-8 stays as it is. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function fromLatin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
