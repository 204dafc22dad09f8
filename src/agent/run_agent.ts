import type { AppError } from "../base/errors.ts";
import { MAX_TIMER_MS } from "../base/every.ts";
import type { Environment } from "../base/home.ts";
import { lockFile } from "../base/file_lock.ts";
import { rehearseExchange } from "../ssh/kex/mlkem768_x25519.ts";
import { type AgentOptions, type RunningAgent, startAgent } from "./agent.ts";
import { type Job, mustForward, onForwardedSignal, tryStartJob } from "./job.ts";
import { type EndReason, Lifetime, type LifetimeRules } from "./lifetime.ts";
import { type AgentState, writeAgentState } from "./state_file.ts";

/** What {@link runAgent} needs besides the agent's own options. */
export interface RunAgentOptions extends Omit<AgentOptions, "onClients"> {
  /** The job's command; empty for an agent that only serves. */
  readonly command: readonly string[];
  readonly env: Environment;
  readonly rules: Omit<LifetimeRules, "hasJob">;
  /** What a job gets to end by itself, after SIGTERM, before it is killed. */
  readonly stopGraceMs: number;
  readonly stdinIsTerminal: boolean;
  readonly stateFile?: string | undefined;
  /** Aborted when the process was told to leave before its signals were heeded here. */
  readonly signal?: AbortSignal | undefined;
  /** Called when they are, from now on. */
  readonly onSignalsTaken?: (() => void) | undefined;
}

/** What an agent tells while it runs. */
export type AgentEvent =
  | { readonly kind: "ready"; readonly agent: RunningAgent }
  | { readonly kind: "not-started"; readonly error: AppError }
  | { readonly kind: "held"; readonly status: number };

/** As a shell has it for what SIGTERM ended. */
const TERMINATED = 143;

const WHY: Readonly<Record<EndReason, string>> = {
  "job-ended": "the job has ended",
  "hold-over": "the time that the job was held is over",
  idle: "nobody was here for the idle timeout",
  "max-uptime": "the maximum uptime is over",
  stopped: "the agent was told to stop",
};

/**
 * Runs an agent from its first listening to its end, with the job under it if there is one.
 *
 * The job is started only after `ready` was taken; one that cannot be started has failed. Signals go to the job while
 * it runs; SIGTERM ends the sessions besides, and the job that does not heed it. Without a job, and before it is started,
 * SIGINT, SIGTERM and SIGHUP stop the agent.
 * @returns the job's exit status, 126 or 127 as a shell has it for one that cannot be started, or 0 without one.
 */
export async function* runAgent(options: RunAgentOptions): AsyncGenerator<AgentEvent, number> {
  const { command, rules, stateFile } = options;
  using _lock = stateFile === undefined ? undefined : await lockFile(`${stateFile}.lock`, options);
  using lifetime = new Lifetime({ ...rules, hasJob: command.length > 0 });
  const agent = startAgent({ ...options, onClients: (count) => lifetime.sessionsOpen(count) });
  const tell = async (state: Omit<AgentState, "pid" | "port">) => {
    if (stateFile !== undefined) {
      await writeAgentState(stateFile, { ...state, pid: Deno.pid, port: agent.address.port });
    }
  };
  let job: Job | undefined;
  let isJobRunning = false;
  let ending: JobEnding | undefined;
  let rehearsal: Promise<void> | undefined;
  let isStopped = options.signal?.aborted ?? false;
  using _signals = onForwardedSignal((signal) => {
    if (job && isJobRunning) {
      if (mustForward(signal, options)) job.kill(signal);
      if (signal !== "SIGTERM") return;
      lifetime.stop();
      // Sessions leave while the job does: who sent the signal does not wait for one after the other.
      void agent.room.close(WHY.stopped);
      ending ??= new JobEnding(job, options);
    } else if (signal !== "SIGUSR1" && signal !== "SIGUSR2" && signal !== "SIGQUIT") {
      isStopped = true;
      lifetime.stop();
    }
  });
  options.onSignalsTaken?.();
  if (isStopped) lifetime.stop();
  let status = 0;
  let reason: EndReason = "stopped";
  try {
    await tell({ state: "ready" });
    yield { kind: "ready", agent };
    rehearsal = rehearseExchange();
    if (command.length > 0 && isStopped) {
      status = TERMINATED;
      lifetime.jobEnded(status);
    } else if (command.length > 0) {
      let isOver = false;
      const started = tryStartJob(command, options);
      if (started.job) {
        job = started.job;
        isJobRunning = true;
        using _watch = agent.room.watchdog.watchProcess(job.pid);
        isOver = typeof await Promise.race([job.status, lifetime.over]) !== "number";
        if (isOver) job.kill("SIGTERM");
        if (isOver) ending ??= new JobEnding(job, options);
        status = await job.status;
        isJobRunning = false;
      } else {
        status = started.status;
        yield { kind: "not-started", error: started.error };
      }
      if (lifetime.jobEnded(status) && !isOver) {
        await tell({ state: "held", exitStatus: status });
        yield { kind: "held", status };
      }
    }
    reason = await lifetime.over;
    return status;
  } finally {
    ending?.[Symbol.dispose]();
    await agent.close(WHY[reason]);
    await rehearsal;
    await tell({ state: "ended", exitStatus: status });
  }
}

/** Kills a job that was told to end and has not done so within its time. */
class JobEnding implements Disposable {
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(job: Job, { stopGraceMs }: Pick<RunAgentOptions, "stopGraceMs">) {
    this.#timer = setTimeout(() => job.kill("SIGKILL"), Math.min(stopGraceMs, MAX_TIMER_MS));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
