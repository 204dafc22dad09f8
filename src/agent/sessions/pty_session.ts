import type { PtyRequest, ServerSession } from "../../ssh/server/session.ts";
import type { PtyHost, PtyProcess } from "../pty/pty_process.ts";
import type { Watchdog } from "../watchdog.ts";
import { hangUp, signalGroup } from "./process_group.ts";
import type { ProgramOptions } from "./program.ts";
import { signalName, toSignal } from "./signals.ts";

/** After the program's end: output that shows no more for so long is not coming, whoever still holds the terminal. */
const QUIET_MS = 100;

/** What {@link runPty} needs besides the session. */
export interface RunPtyOptions {
  readonly host: PtyHost;
  readonly pty: PtyRequest;
  readonly watchdog: Watchdog;
  /** Called with the terminal's path, which is known only once there is one. */
  program(tty: string): ProgramOptions;
}

/**
 * Runs a program in a pseudo-terminal of the size and modes that the client asked for.
 *
 * It is over when the program has ended and its output has left; jobs that it left in the background lose the terminal,
 * as with sshd. If the client goes first, the whole session is hung up.
 */
export async function runPty(session: ServerSession, { host, pty, program, watchdog }: RunPtyOptions): Promise<void> {
  const { file, argv0, args, cwd } = program("");
  using terminal = host.spawn({
    file,
    argv: [argv0, ...args],
    env: (tty) => program(tty).env,
    cwd,
    size: pty.size,
    modes: pty.modes,
  });
  using _watch = watchdog.watchGroup(terminal.pid);
  using _resize = session.on("resize", (size) => terminal.resize(size));
  using _break = session.on("break", () => terminal.sendBreak());
  using _signals = session.on("signal", (name) => {
    const signal = toSignal(name);
    if (signal) signalGroup(terminal.pid, signal);
  });
  const output = new Output(terminal, session);
  const input = carryInput(session, terminal);
  const isGone = Promise.withResolvers<void>();
  const onClosed = () => {
    // The kernel tells the foreground job by SIGHUP; what waits for output does so no more.
    terminal[Symbol.dispose]();
    isGone.resolve();
  };
  if (session.closed.aborted) onClosed();
  session.closed.addEventListener("abort", onClosed, { once: true });
  await Promise.race([terminal.exit, isGone.promise]);
  if (session.closed.aborted) await hangUp(terminal.pid);
  const { code, signal } = await terminal.exit;
  await output.whenDrained();
  session.closed.removeEventListener("abort", onClosed);
  const name = signalName(signal);
  if (signal === 0) session.exit(code);
  else if (name) session.exitSignal(name, { code: signal });
  else session.exit(128 + signal);
  terminal[Symbol.dispose]();
  await Promise.all([output.ended, input]);
}

/** Carries what the terminal shows to the client. */
class Output {
  readonly ended: Promise<void>;
  #isIdle = false;
  #pieces = 0;

  constructor(terminal: PtyProcess, session: ServerSession) {
    this.ended = this.#carry(terminal, session);
  }

  /** Resolves at the end of the output, or when none came for a moment. A slow client does not count as a quiet one. */
  async whenDrained(): Promise<void> {
    let isEnded = false;
    const end = this.ended.then(() => isEnded = true);
    while (!isEnded) {
      const before = this.#pieces;
      const pause = Promise.withResolvers<void>();
      const timer = setTimeout(pause.resolve, QUIET_MS);
      await Promise.race([end, pause.promise]);
      clearTimeout(timer);
      if (this.#isIdle && this.#pieces === before) return;
    }
  }

  async #carry(terminal: PtyProcess, session: ServerSession): Promise<void> {
    try {
      for (;;) {
        this.#isIdle = true;
        const bytes = await terminal.read();
        this.#isIdle = false;
        this.#pieces++;
        if (bytes === null) return;
        await session.write(bytes);
      }
    } catch {
      // The client is gone; the session's end takes care of the program.
    }
  }
}

/** EOF of the client says nothing to a terminal: whoever wants to end a program there types Ctrl-D. */
async function carryInput(session: ServerSession, terminal: PtyProcess): Promise<void> {
  try {
    for (let bytes = await session.read(); bytes !== null; bytes = await session.read()) await terminal.write(bytes);
  } catch {
    // The program has closed its terminal; its end is told otherwise.
  }
}
