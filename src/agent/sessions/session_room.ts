import { describeError } from "../../base/errors.ts";
import { oneLine } from "../../base/printable.ts";
import { AppError } from "../../base/errors.ts";
import type { SshConnection } from "../../ssh/server/connection.ts";
import type { ServerSession } from "../../ssh/server/session.ts";
import { createLibcPtyHost } from "../pty/libc_pty.ts";
import type { PtyHost } from "../pty/pty_process.ts";
import { Watchdog } from "../watchdog.ts";
import { runSession, type RunSessionOptions, type SessionSurroundings } from "./run_session.ts";

/** What a leaving agent gives its sessions; with what comes behind it, five seconds are kept. */
const CLOSE_MS = 3500;
const TELL_MS = 500;

/** Options of {@link SessionRoom}. */
export interface SessionRoomOptions extends Omit<SessionSurroundings, "ptyHost" | "watchdog"> {
  readonly maxSessions: number;
  onNotice?(line: string): void;
}

/** All sessions of one agent, and what they share. */
export class SessionRoom implements AsyncDisposable {
  /** Told of each client that logs in. */
  onClient: ((connection: SshConnection) => void) | undefined;
  readonly #options: SessionRoomOptions;
  readonly #running = new Map<ServerSession, Promise<void>>();
  readonly watchdog: Watchdog;
  #ptyHost: PtyHost | undefined;

  constructor(options: SessionRoomOptions) {
    this.#options = options;
    this.watchdog = new Watchdog((line) => options.onNotice?.(line));
  }

  /** Runs `session` to its end. */
  async run(session: ServerSession, options: Pick<RunSessionOptions, "connection" | "forcedCommand">): Promise<void> {
    if (this.#running.size >= this.#options.maxSessions) {
      const why = `${this.#options.maxSessions} are open already`;
      const told = session.writeStderr(new TextEncoder().encode(`porthole: no session: ${why}\r\n`));
      await within(TELL_MS, told.catch(() => {/* it has left by itself */}));
      throw new AppError("protocol", `A session was refused: ${why}`, { details: { limit: "--max-sessions" } });
    }
    const running = runSession(session, {
      ...this.#options,
      ...options,
      watchdog: this.watchdog,
      ptyHost: () => this.#ptyHost ??= createLibcPtyHost(),
    });
    this.#running.set(session, running);
    try {
      await running;
    } finally {
      this.#running.delete(session);
    }
  }

  /** One line about what went wrong with a client. */
  notice(error: unknown, { remote }: SshConnection): void {
    this.#options.onNotice?.(
      `${remote ? `${remote.hostname}:${remote.port}` : "a client"}: ${oneLine(describeError(error))}`,
    );
  }

  /** Tells everybody `why`, on stderr, and hangs up all sessions. */
  async close(why: string): Promise<void> {
    const told = [...this.#running.keys()].filter(({ setup }) => setup.request.kind !== "subsystem").map((session) => {
      const message = session.setup.pty ? `\r\nporthole: ${why}\r\n` : `porthole: ${why}\n`;
      return session.writeStderr(new TextEncoder().encode(message)).catch(() => {/* gone before it could be told */});
    });
    await within(TELL_MS, Promise.all(told));
    for (const session of this.#running.keys()) session[Symbol.dispose]();
    const ends = [...this.#running.values()].map((running) => running.catch(() => {/* told when it happened */}));
    await within(CLOSE_MS, Promise.all(ends));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ptyHost?.[Symbol.asyncDispose]();
    await this.watchdog[Symbol.asyncDispose]();
  }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([work, late.promise]);
  clearTimeout(timer);
}
