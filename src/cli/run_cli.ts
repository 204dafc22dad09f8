import { AppError, toAppError } from "../base/errors.ts";
import type { Environment } from "../base/home.ts";
import { VERSION } from "../base/version.ts";
import type { AnyCommand, CommandContext, CommandEntry } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { renderCommandHelp, renderProgramHelp } from "./help.ts";
import { Output, type OutputStreams } from "./output.ts";
import { asksForJson, isLikely, parseCommandLine } from "./parse_flags.ts";

/** The process as a command line sees it. */
export interface CliProcess {
  readonly env: Environment;
  readonly signal: AbortSignal;
  /** See `CommandContext.takeSignals`. */
  readonly takeSignals?: () => void;
  readonly streams: OutputStreams;
  readonly stdinIsTerminal: boolean;
  /** See `CommandContext.self`. */
  readonly self: readonly string[];
}

/** Runs `porthole ARGS...` and resolves to the exit status. Never throws, never exits. */
export async function runCli(args: readonly string[], process: CliProcess): Promise<number> {
  if (args[0] === "help" && args.length > 1) return await runCli([...args.slice(1), "--help"], process);
  const output = new Output(process.streams, args.includes("--json"));
  try {
    const found = findCommand(args);
    if (!found) return runProgram(args, output);
    return await runCommand(await found.entry.load(), { args: found.rest, process });
  } catch (error) {
    return fail(error, { output, env: process.env });
  }
}

function runProgram(args: readonly string[], output: Output): number {
  const [first, second] = args;
  if (first === "--version" || first === "-V" || first === "version") output.result(`porthole ${VERSION}\n`);
  else if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    output.result(renderProgramHelp(COMMANDS));
  } else {
    const members = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
    if (members.length === 0) throw unknownCommand(first);
    if (second !== undefined && !second.startsWith("-")) throw unknownCommand(`${first} ${second}`);
    output.result(renderProgramHelp(members));
    return second === undefined ? 2 : 0;
  }
  return 0;
}

async function runCommand(
  command: AnyCommand,
  { args, process }: { args: readonly string[]; process: CliProcess },
): Promise<number> {
  const output = new Output(process.streams, asksForJson(command, args));
  try {
    const { input, isHelp } = parseCommandLine(command, args);
    if (isHelp) {
      output.result(renderCommandHelp(command));
      return 0;
    }
    return await printAll(command.run(input, createContext(process, output)), { command, output });
  } catch (error) {
    return fail(error, { output, env: process.env });
  } finally {
    output.endProgress();
  }
}

/** Prints what a command yields; what it has open is closed also when nobody reads on. */
async function printAll(
  run: ReturnType<AnyCommand["run"]>,
  { command, output }: { command: AnyCommand; output: Output },
): Promise<number> {
  try {
    for (;;) {
      const step = await run.next();
      if (step.done) return step.value ?? 0;
      output.result(output.isJson ? `${JSON.stringify(step.value)}\n` : command.format(step.value, output.style));
    }
  } finally {
    await run.return();
  }
}

function createContext(process: CliProcess, output: Output): CommandContext {
  return {
    signal: process.signal,
    takeSignals: () => process.takeSignals?.(),
    env: process.env,
    notice: (line) => output.notice(line),
    progress: (line) => output.progress(line),
    stdoutIsTerminal: process.streams.stdout.isTerminal(),
    stderrIsTerminal: process.streams.stderr.isTerminal(),
    stdinIsTerminal: process.stdinIsTerminal,
    isJson: output.isJson,
    self: process.self,
    commands: COMMANDS,
  };
}

function fail(error: unknown, { output, env }: { output: Output; env: Environment }): number {
  // The reader of our output has gone, as `porthole list | head -1` does: nothing is left to say, nor anyone to tell.
  if (error instanceof Deno.errors.BrokenPipe) return 141;
  const failure = toAppError(error);
  try {
    output.failure(failure, { withTrace: Boolean(env.PORTHOLE_DEBUG) });
  } catch {
    // stderr is gone as well: the exit status is all that can be told.
  }
  return failure.exitStatus;
}

/** The entry with the longest name that `args` begins with, and the words behind that name. */
function findCommand(args: readonly string[]): { entry: CommandEntry; rest: readonly string[] } | undefined {
  for (const count of [2, 1]) {
    if (args.length < count) continue;
    const name = args.slice(0, count).join(" ");
    const entry = COMMANDS.find((entry) => entry.name === name);
    if (entry) return { entry, rest: args.slice(count) };
  }
  return undefined;
}

function unknownCommand(typed: string): AppError {
  const near = COMMANDS.filter(({ name }) => isLikely(name, typed)).map(({ name }) => `porthole ${name}`);
  return new AppError("usage", `Cannot find a command named ${JSON.stringify(typed)}`, {
    hint: near.length ? `Did you mean ${near.join(" or ")}?` : "porthole --help lists them",
  });
}
