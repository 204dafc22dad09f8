import type { ServerChannel } from "../ssh2_adapter.ts";
import { SshChannel } from "./channel.ts";
import type { Ssh2Connection } from "./ssh2_internals.ts";

/** What a client asked to run in its session (RFC 4254 6.5). */
export type SessionRequest =
  | { readonly kind: "shell" }
  | { readonly kind: "exec"; readonly command: string }
  | { readonly kind: "subsystem"; readonly name: string };

/** A terminal's size; pixels are 0 where the client does not know them. */
export interface WindowSize {
  readonly cols: number;
  readonly rows: number;
  readonly widthPx: number;
  readonly heightPx: number;
}

/** The terminal that a client asked for (RFC 4254 6.2). */
export interface PtyRequest {
  readonly term: string;
  readonly size: WindowSize;
  /** RFC 4254 8: opcode to value, in the order sent. */
  readonly modes: ReadonlyMap<number, number>;
}

/** What may still be asked of a session that runs. All may be called at any time until it is over. */
export interface SessionEvents {
  /** `TERM`, without `SIG` (RFC 4254 6.9). */
  signal: (name: string) => void;
  resize: (size: WindowSize) => void;
  /** RFC 4335. */
  break: () => void;
}

/** What was asked for before the program was started. */
export interface SessionSetup {
  readonly request: SessionRequest;
  readonly pty: PtyRequest | undefined;
  /** What the handlers' `allow` let through, in the order sent. */
  readonly env: ReadonlyMap<string, string>;
  readonly wantsAgent: boolean;
}

/** Signals that RFC 4254 6.10 names; any other death is told as a status of 128 and its number. */
const SIGNALS: ReadonlySet<string> = new Set(
  "ABRT ALRM FPE HUP ILL INT KILL PIPE QUIT SEGV TERM USR1 USR2".split(" "),
);

/** One program that a client runs: its channel, what was asked for, and the way to say how it ended. */
export class ServerSession extends SshChannel {
  readonly #connection: Ssh2Connection;
  readonly #listeners: { [K in keyof SessionEvents]: Set<SessionEvents[K]> } = {
    signal: new Set(),
    resize: new Set(),
    break: new Set(),
  };

  constructor(channel: ServerChannel, connection: Ssh2Connection, readonly setup: SessionSetup) {
    super(channel, connection);
    this.#connection = connection;
  }

  /** Calls `listener` for each `event` until disposed. */
  on<K extends keyof SessionEvents>(event: K, listener: SessionEvents[K]): Disposable {
    this.#listeners[event].add(listener);
    return { [Symbol.dispose]: () => void this.#listeners[event].delete(listener) };
  }

  /** For whoever reads the client's requests. */
  emit<K extends keyof SessionEvents>(event: K, ...args: Parameters<SessionEvents[K]>): void {
    for (const listener of this.#listeners[event]) {
      (listener as (...args: Parameters<SessionEvents[K]>) => void)(...args);
    }
  }

  /** Tells how the program ended and closes. Only the first of `exit` and `exitSignal` counts. */
  exit(status: number): void {
    if (this.isWritable) this.#connection._protocol.exitStatus(this.peerId, status >>> 0);
    this[Symbol.dispose]();
  }

  /** As `exit`, for a program that died of `signal` (number `code`). */
  exitSignal(signal: string, { code, coreDumped = false }: { code: number; coreDumped?: boolean }): void {
    const name = signal.replace(/^SIG/, "");
    if (!SIGNALS.has(name)) return this.exit(128 + code);
    if (this.isWritable) this.#connection._protocol.exitSignal(this.peerId, name, coreDumped, "");
    this[Symbol.dispose]();
  }
}
