import { orAbort } from "../base/abort.ts";
import { splitShellWords, wordText } from "../ssh/scp/shell_words.ts";
import { type Ending, type ExecAnswer, playReply, toReply } from "./exec_answer.ts";
import type { ProgramIo } from "./program_io.ts";
import { TerminalLines } from "./terminal_lines.ts";

/** Status of a command that nobody knows, as a shell has it. */
export const NOT_FOUND = 127;

/** Runs a shell for one session; the answer is how it ends. */
export type ShellHandler = (io: ProgramIo) => ExecAnswer | Promise<ExecAnswer>;

/** Answers one line; undefined when nobody knows it. */
export type RunLine = (command: string, io: ProgramIo) => ExecAnswer | Promise<ExecAnswer>;

/**
 * What every shell knows: `true`, `false`, `:`, `echo WORDS` and `exit [STATUS]`. Undefined for anything else.
 */
export function builtin(command: string): { stdout?: string; code: number } | undefined {
  const [name, ...args] = splitShellWords(command.trim())?.map(wordText) ?? [];
  switch (name) {
    case "true":
    case ":":
      return { code: 0 };
    case "false":
      return { code: 1 };
    case "echo":
      return { stdout: `${args.join(" ")}\n`, code: 0 };
    case "exit":
      return { code: Number(args[0] ?? 0) & 0xff };
    default:
      return undefined;
  }
}

/**
 * A shell of lines: each is answered by `run`, with a prompt and an echo at a terminal. Ctrl-C ends the command that runs,
 * or drops the line; the end of stdin, or Ctrl-D, ends the shell with the last status.
 */
export async function lineShell(io: ProgramIo, run: RunLine): Promise<Ending> {
  const lines = new TerminalLines(io, { prompt: io.pty ? "$ " : "" });
  let running: AbortController | undefined;
  using _listener = io.onSignal((name) => {
    if (running) running.abort(new Error(`SIG${name}`));
    else if (name === "INT") lines.interrupt();
  });
  let status = 0;
  for (let line = await lines.next(); line !== null; line = await lines.next()) {
    if (line.trim() === "") continue;
    const [word, given] = line.trim().split(/\s+/);
    if (word === "exit") return { code: given === undefined ? status : Number(given) & 0xff };
    running = new AbortController();
    try {
      const signal = AbortSignal.any([io.signal, running.signal]);
      const ending = await orAbort(runLine(line, { io, run, signal }), signal);
      status = "code" in ending ? ending.code : 130;
    } catch (error) {
      io.signal.throwIfAborted();
      if (!running.signal.aborted) throw error;
      status = 130;
      await io.stdout("^C\n");
    } finally {
      running = undefined;
    }
  }
  return { code: status };
}

async function runLine(
  line: string,
  { io, run, signal }: { io: ProgramIo; run: RunLine; signal: AbortSignal },
): Promise<Ending> {
  return await playReply(toReply(await run(line, io)), io, signal);
}
