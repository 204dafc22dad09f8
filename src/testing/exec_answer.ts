import { sleep } from "../base/abort.ts";
import { parseDuration } from "../base/duration.ts";
import type { Chunk, ProgramIo } from "./program_io.ts";

/** An output: all at once, or as it is produced, with delays as the producer likes. */
export type Output = Chunk | Iterable<Chunk> | AsyncIterable<Chunk>;

/** A piece of output, or a pause such as `200ms`. */
export interface OutputStep {
  readonly delay?: string;
  readonly stdout?: Chunk;
  readonly stderr?: Chunk;
}

/** How a command is answered, in full. */
export interface ExecReply {
  readonly stdout?: Output;
  readonly stderr?: Output;
  /** Written one after another, before `stdout` and `stderr`. */
  readonly output?: Iterable<OutputStep>;
  /** The exit status; 0. */
  readonly code?: number;
  /** Ends by a signal instead, `TERM`. */
  readonly signal?: string;
  /** Pause before anything is written. */
  readonly delay?: string;
  /** Reads stdin to its end before anything is written, as `cat` and `tee` do. */
  readonly readsStdin?: boolean;
  /** Goes on at signals that would end a program. */
  readonly ignoresSignals?: boolean;
}

/** What a handler says: `[stdout, stderr, code]`, an {@link ExecReply}, stdout alone, or nothing for status 0. */
export type ExecAnswer = readonly [stdout: Output, stderr?: Output, code?: number] | ExecReply | string | void;

/** Answers a command. It may also read and write by itself through `io`. */
export type ExecHandler = (command: string, io: ProgramIo) => ExecAnswer | Promise<ExecAnswer>;

/** How a command ended. */
export type Ending = { readonly code: number } | { readonly signal: string };

/** An answer in its long form. */
export function toReply(answer: ExecAnswer): ExecReply {
  if (answer === undefined) return {};
  if (typeof answer === "string") return { stdout: answer };
  if (!isTuple(answer)) return answer;
  const [stdout, stderr, code] = answer;
  return { stdout, ...(stderr === undefined ? {} : { stderr }), ...(code === undefined ? {} : { code }) };
}

function isTuple(answer: ExecAnswer): answer is Extract<ExecAnswer, readonly unknown[]> {
  return Array.isArray(answer);
}

/** Does what `reply` says on `io`; stdout and stderr run side by side. @throws the signal's reason */
export async function playReply(reply: ExecReply, io: ProgramIo, signal: AbortSignal): Promise<Ending> {
  if (reply.readsStdin) await io.stdin.bytes();
  if (reply.delay !== undefined) await sleep(parseDuration(reply.delay, "delay"), signal);
  for (const { delay, stdout, stderr } of reply.output ?? []) {
    if (delay !== undefined) await sleep(parseDuration(delay, "delay"), signal);
    if (stdout !== undefined) await io.stdout(stdout);
    if (stderr !== undefined) await io.stderr(stderr);
  }
  await Promise.all([
    writeOutput(reply.stdout, { write: (chunk) => io.stdout(chunk), signal }),
    writeOutput(reply.stderr, { write: (chunk) => io.stderr(chunk), signal }),
  ]);
  return reply.signal === undefined ? { code: reply.code ?? 0 } : { signal: reply.signal };
}

async function writeOutput(
  output: Output | undefined,
  { write, signal }: { write: (chunk: Chunk) => Promise<void>; signal: AbortSignal },
): Promise<void> {
  if (output === undefined) return;
  if (typeof output === "string" || output instanceof Uint8Array) return await write(output);
  for await (const chunk of output) {
    signal.throwIfAborted();
    await write(chunk);
  }
}
