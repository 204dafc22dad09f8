import type { WindowSize } from "../../ssh/server/session.ts";

/** How a process ended. */
export interface ProcessExit {
  /** 0 when it died of a signal. */
  readonly code: number;
  /** The number of the signal it died of, or 0. */
  readonly signal: number;
}

/** What runs in a pseudo-terminal. */
export interface PtySpawnOptions {
  readonly file: string;
  /** From `argv[0]` on. */
  readonly argv: readonly string[];
  /** Made when the terminal's path is known. */
  env(tty: string): Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly size: WindowSize;
  /** Terminal modes of RFC 4254 8, opcode to value; what the system does not know is left as it is. */
  readonly modes: ReadonlyMap<number, number>;
}

/**
 * A process whose controlling terminal is a pseudo-terminal that we hold the other end of.
 *
 * It leads a session and process group of its own, both numbered `pid`. Disposing closes the terminal, which the kernel
 * tells the foreground process group by SIGHUP; it does not wait for anybody.
 */
export interface PtyProcess extends Disposable {
  readonly pid: number;
  /** `/dev/pts/3` */
  readonly path: string;
  /** The next output, raw bytes, or null once every holder of the terminal has closed it. Only reads when asked. */
  read(): Promise<Uint8Array | null>;
  /** Resolves once the terminal took all of it. */
  write(bytes: Uint8Array): Promise<void>;
  resize(size: WindowSize): void;
  sendBreak(): void;
  readonly exit: Promise<ProcessExit>;
}

/** Makes pseudo-terminals; disposing it ends its thread once they are all closed. */
export interface PtyHost extends AsyncDisposable {
  /** @throws AppError `internal` when the system has no terminal to give, `not_found` when `file` cannot be run. */
  spawn(options: PtySpawnOptions): PtyProcess;
}
