import type { PtyRequest, WindowSize } from "../ssh/server/session.ts";

/** What of a program's stdin is kept. */
const MAX_CAPTURED_BYTES = 16 * 1024 * 1024;

/** What {@link CommandRecord} begins with. */
export interface CommandRecordParts {
  readonly connection: number;
  readonly command: string;
  readonly user: string;
  readonly env: ReadonlyMap<string, string>;
  readonly pty: PtyRequest | undefined;
}

/** One command (or shell, with an empty command) that a client ran, up to date at any time. */
export class CommandRecord {
  readonly connection: number;
  /** The command line as it was sent; empty for a shell. */
  readonly command: string;
  readonly user: string;
  /** What the client set with `env` requests. */
  readonly env: ReadonlyMap<string, string>;
  /** The terminal that was asked for. */
  readonly pty: PtyRequest | undefined;
  /** `TERM`, without `SIG`, in the order they came. */
  readonly signals: string[] = [];
  /** The sizes that the window had after it was opened. */
  readonly sizes: WindowSize[] = [];
  /** False when no handler knew it. */
  isExpected = true;
  /** The status that was sent; null while it runs, and when it ended without one. */
  code: number | null = null;
  /** The signal that ended it, `TERM`. */
  endedBy: string | undefined;
  isOver = false;
  stdoutBytes = 0;
  stderrBytes = 0;
  /** How much came on stdin, also beyond what was kept. */
  stdinSize = 0;
  /** True when the client closed its stdin. */
  isStdinClosed = false;
  readonly #stdin: Uint8Array[] = [];
  #kept = 0;

  constructor({ connection, command, user, env, pty }: CommandRecordParts) {
    this.connection = connection;
    this.command = command;
    this.user = user;
    this.env = env;
    this.pty = pty;
  }

  /** What came on stdin, the first 16 MiB of it. */
  get stdinBytes(): Uint8Array {
    const bytes = new Uint8Array(this.#kept);
    let at = 0;
    for (const chunk of this.#stdin) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  /** {@link stdinBytes} as text. */
  get stdin(): string {
    return new TextDecoder().decode(this.stdinBytes);
  }

  /** What is printed of it, stdin as text. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { connection, command, user, pty, signals, sizes, isExpected, code, isOver, stdin, isStdinClosed } = this;
    return {
      connection,
      command,
      user,
      env: Object.fromEntries(this.env),
      pty: pty ? { term: pty.term, size: pty.size, modes: Object.fromEntries(pty.modes) } : null,
      signals,
      sizes,
      isExpected,
      code,
      endedBy: this.endedBy ?? null,
      isOver,
      stdin,
      isStdinClosed,
      stdinSize: this.stdinSize,
      stdoutBytes: this.stdoutBytes,
      stderrBytes: this.stderrBytes,
    };
  }

  /** For the session: keeps what came. Does not keep the array. */
  keepStdin(bytes: Uint8Array): void {
    this.stdinSize += bytes.length;
    const kept = bytes.slice(0, MAX_CAPTURED_BYTES - this.#kept);
    this.#kept += kept.length;
    if (kept.length > 0) this.#stdin.push(kept);
  }
}
