import { AppError } from "../../base/errors.ts";
import type { ServerSession } from "../../ssh/server/session.ts";
import { growPipe } from "../../stream/pipe_size.ts";
import type { Watchdog } from "../watchdog.ts";
import { hangUp, signalGroup } from "./process_group.ts";
import type { ProgramOptions } from "./program.ts";
import { toSignal } from "./signals.ts";

/** What a pipe holds once it was made larger. */
const READ_BYTES = 262_144;
/** So much at once is bulk data, for which larger pipes pay. */
const BULK_BYTES = 32_768;

/**
 * Runs a program without a terminal: three pipes, a session and process group of its own.
 *
 * It is over when the program has ended and everybody has closed its stdout and stderr, as with sshd; whether its stdin
 * was read does not matter. If the client goes first, the whole session is hung up.
 */
export async function runExec(
  session: ServerSession,
  { program, watchdog }: { program: ProgramOptions; watchdog: Watchdog },
): Promise<void> {
  const child = spawn(program);
  using _watch = watchdog.watchGroup(child.pid);
  using _signals = session.on("signal", (name) => {
    const signal = toSignal(name);
    if (signal) signalGroup(child.pid, signal);
  });
  const output = Promise.all([
    pipeOut(child.stdout, { write: (bytes) => session.write(bytes), onBulk: () => growPipe(1, child.pid) }),
    pipeOut(child.stderr, { write: (bytes) => session.writeStderr(bytes), onBulk: () => growPipe(2, child.pid) }),
  ]);
  const input = pipeIn(session, { to: child.stdin, onBulk: () => growPipe(0, child.pid) });
  const gone = whenAborted(session.closed);
  const finished = Promise.all([output, child.status]);
  await Promise.race([finished, gone.promise]);
  gone[Symbol.dispose]();
  if (session.closed.aborted) await hangUp(child.pid);
  // What a process that made a session of its own still holds open ends with our ends of the pipes.
  const [, status] = await finished;
  if (status.signal) session.exitSignal(status.signal, { code: status.code - 128 });
  else session.exit(status.code);
  await input;
}

function spawn({ file, args, env, cwd }: ProgramOptions): Deno.ChildProcess {
  try {
    return new Deno.Command(file, {
      args: [...args],
      env: { ...env },
      clearEnv: true,
      cwd,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // setsid(): signals reach the program and its children, and nobody else.
      detached: true,
      windowsRawArguments: Deno.build.os === "windows",
    }).spawn();
  } catch (error) {
    throw new AppError("not_found", `Cannot run ${JSON.stringify(file)} in ${JSON.stringify(cwd)}`, { cause: error });
  }
}

interface PipeOutOptions {
  write(bytes: Uint8Array): Promise<void>;
  /** Called once, when there is much to carry. */
  onBulk(): Promise<void>;
}

/** Carries output until its end, in one buffer. A client that is gone ends it: whoever writes on gets SIGPIPE. */
async function pipeOut(from: ReadableStream<Uint8Array>, { write, onBulk }: PipeOutOptions): Promise<void> {
  const reader = from.getReader({ mode: "byob" });
  try {
    let isBulk = false;
    let buffer = new ArrayBuffer(BULK_BYTES);
    for (;;) {
      const { value, done } = await reader.read(new Uint8Array(buffer));
      if (done) return;
      await write(value);
      buffer = value.buffer;
      if (isBulk || value.length < BULK_BYTES) continue;
      isBulk = true;
      await onBulk();
      buffer = new ArrayBuffer(READ_BYTES);
    }
  } catch {
    // The session's own end tells the rest.
  } finally {
    await reader.cancel().catch(() => {/* it is closed already */});
  }
}

/** Carries input until EOF. A program that closed its stdin goes on; what comes for it is dropped, as sshd does. */
async function pipeIn(
  session: ServerSession,
  { to, onBulk }: { to: WritableStream<Uint8Array>; onBulk: () => Promise<void> },
): Promise<void> {
  const writer = to.getWriter();
  // Settled by the pipe's end, which each write tells by itself.
  writer.closed.catch(() => {});
  let isOpen = true;
  let isBulk = false;
  for (let bytes = await session.read(); bytes !== null; bytes = await session.read()) {
    if (!isOpen) continue;
    if (!isBulk && bytes.length >= BULK_BYTES) {
      isBulk = true;
      await onBulk();
    }
    await writer.write(bytes).catch(() => isOpen = false);
  }
  await writer.close().catch(() => {/* closed from the other end */});
}

function whenAborted(signal: AbortSignal): { readonly promise: Promise<void> } & Disposable {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onAbort = () => resolve();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  return { promise, [Symbol.dispose]: () => signal.removeEventListener("abort", onAbort) };
}
