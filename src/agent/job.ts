import { AppError, describeError } from "../base/errors.ts";
import type { Environment } from "../base/home.ts";
import { jobEnv } from "./session_env.ts";

/** What is passed on to the job. Ctrl-C and Ctrl-\ reach it by themselves where it shares our terminal. */
const FORWARDED: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];
const FROM_TERMINAL: ReadonlySet<Deno.Signal> = new Set(["SIGINT", "SIGQUIT", "SIGBREAK"]);

/** The job's own command, running. */
export interface Job {
  readonly pid: number;
  /** Its exit status as a shell tells it: 128 and the signal's number for a death by signal. */
  readonly status: Promise<number>;
  kill(signal: Deno.Signal): void;
}

/**
 * Starts the job's command with our own stdin, stdout and stderr, as if there were no agent; or tells why it cannot be
 * started, and the status that a shell has for that: 127 for what is not there, 126 for what cannot be run.
 */
export function tryStartJob(
  command: readonly string[],
  { env, cwd }: { env: Environment; cwd: string },
): { readonly job: Job } | { readonly job?: undefined; readonly error: AppError; readonly status: number } {
  const [file = "", ...args] = command;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(file, {
      args,
      env: jobEnv(env),
      clearEnv: true,
      cwd,
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound;
    const why = isMissing ? "it does not exist" : describeError(error);
    return {
      error: new AppError("not_found", `Cannot run the command ${JSON.stringify(file)}: ${why}`, { cause: error }),
      status: isMissing ? 127 : 126,
    };
  }
  return { job: toJob(child) };
}

function toJob(child: Deno.ChildProcess): Job {
  return {
    pid: child.pid,
    status: child.status.then(({ code }) => code),
    kill(signal) {
      try {
        child.kill(signal);
      } catch {
        // It has ended.
      }
    },
  };
}

/** Tells `listener` of each signal that is a job's business, until disposed. */
export function onForwardedSignal(listener: (signal: Deno.Signal) => void): Disposable {
  const handlers = FORWARDED.map((signal) => [signal, () => listener(signal)] as const);
  for (const [signal, handler] of handlers) Deno.addSignalListener(signal, handler);
  return {
    [Symbol.dispose]() {
      for (const [signal, handler] of handlers) Deno.removeSignalListener(signal, handler);
    },
  };
}

/** False for a signal that the job gets without our help: the terminal sends it to the whole process group. */
export function mustForward(signal: Deno.Signal, { stdinIsTerminal }: { stdinIsTerminal: boolean }): boolean {
  return !(stdinIsTerminal && FROM_TERMINAL.has(signal));
}
