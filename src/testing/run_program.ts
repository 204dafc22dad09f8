import { orAbort } from "../base/abort.ts";
import { describeError } from "../base/errors.ts";
import type { ServerSession } from "../ssh/server/session.ts";
import { type Ending, type ExecAnswer, playReply, toReply } from "./exec_answer.ts";
import { type SessionIo, signalNumber } from "./program_io.ts";

/** Status of a program that a handler failed to be, as a shell has it for one that cannot be run. */
const HANDLER_FAILED = 126;

/** Options of {@link runProgram}. */
export interface RunProgramOptions {
  readonly session: ServerSession;
  readonly io: SessionIo;
  /** Asked at the end: true ends the session without saying how the program ended. */
  takeHidesExit(): boolean;
  onError(error: unknown): void;
}

/** Lets `program` answer on `io`, and tells the client how it ended. */
export async function runProgram(
  program: () => ExecAnswer | Promise<ExecAnswer>,
  { session, io, takeHidesExit, onError }: RunProgramOptions,
): Promise<void> {
  const { record } = io;
  const ending = await runToEnd(program, io, onError);
  if (!session.closed.aborted && ending) {
    const hidesExit = takeHidesExit();
    if ("code" in ending) record.code = hidesExit ? null : ending.code;
    else record.endedBy = ending.signal;
    if (hidesExit) session[Symbol.dispose]();
    else if ("code" in ending) session.exit(ending.code);
    else session.exitSignal(ending.signal, { code: signalNumber(ending.signal) ?? 15 });
  }
  session[Symbol.dispose]();
  record.isOver = true;
  io.stdin.end();
}

/** Undefined when the client has left. */
async function runToEnd(
  program: () => ExecAnswer | Promise<ExecAnswer>,
  io: SessionIo,
  onError: (error: unknown) => void,
): Promise<Ending | undefined> {
  try {
    const answer = await orAbort(Promise.resolve(program()), io.signal);
    const reply = toReply(answer);
    io.ignoresSignals = reply.ignoresSignals === true;
    const ending = await orAbort(playReply(reply, io, io.signal), io.signal);
    await orAbort(io.written, io.signal);
    return ending;
  } catch (error) {
    if (io.endedBy !== undefined) return { signal: io.endedBy };
    if (io.signal.aborted) return undefined;
    onError(error);
    await io.stderr(`${describeError(error)}\n`).catch(() => {/* the client has left meanwhile */});
    return { code: HANDLER_FAILED };
  }
}
