import type { Environment } from "../base/home.ts";
import { lockFile } from "../base/file_lock.ts";
import { type AgentOptions, type RunningAgent, startAgent } from "./agent.ts";
import { type Job, mustForward, onForwardedSignal, startJob } from "./job.ts";
import { type EndReason, Lifetime, type LifetimeRules } from "./lifetime.ts";
import { type AgentState, writeAgentState } from "./state_file.ts";

/** What a job gets to end by itself before the agent leaves without it. */
const JOB_GRACE_MS = 5000;

/** What {@link runAgent} needs besides the agent's own options. */
export interface RunAgentOptions extends Omit<AgentOptions, "onClients"> {
  /** The job's command; empty for an agent that only serves. */
  readonly command: readonly string[];
  readonly env: Environment;
  readonly rules: Omit<LifetimeRules, "hasJob">;
  readonly stdinIsTerminal: boolean;
  readonly stateFile?: string | undefined;
}

/** What an agent tells while it runs. */
export type AgentEvent =
  | { readonly kind: "ready"; readonly agent: RunningAgent }
  | { readonly kind: "held"; readonly status: number };

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
 * The job is started only after `ready` was taken. Signals go to the job while it runs; else SIGINT, SIGTERM and SIGHUP
 * stop the agent.
 * @returns the job's exit status, or 0 without one.
 */
export async function* runAgent(options: RunAgentOptions): AsyncGenerator<AgentEvent, number> {
  const { command, rules, stateFile } = options;
  using _lock = stateFile === undefined ? undefined : await lockFile(`${stateFile}.lock`);
  using lifetime = new Lifetime({ ...rules, hasJob: command.length > 0 });
  const agent = startAgent({ ...options, onClients: (count) => lifetime.sessionsOpen(count) });
  const tell = async (state: Omit<AgentState, "pid" | "port">) => {
    if (stateFile !== undefined) {
      await writeAgentState(stateFile, { ...state, pid: Deno.pid, port: agent.address.port });
    }
  };
  let job: Job | undefined;
  let isJobRunning = false;
  using _signals = onForwardedSignal((signal) => {
    if (job && isJobRunning) {
      if (mustForward(signal, options)) job.kill(signal);
      if (signal === "SIGTERM") lifetime.stop();
    } else if (signal !== "SIGUSR1" && signal !== "SIGUSR2" && signal !== "SIGQUIT") lifetime.stop();
  });
  let status = 0;
  let reason: EndReason = "stopped";
  try {
    await tell({ state: "ready" });
    yield { kind: "ready", agent };
    if (command.length > 0) {
      job = startJob(command, options);
      isJobRunning = true;
      using _watch = agent.room.watchdog.watchProcess(job.pid);
      const ended = await Promise.race([job.status, lifetime.over]);
      if (typeof ended !== "number") await endJob(job);
      status = await job.status;
      isJobRunning = false;
      if (lifetime.jobEnded(status)) {
        await tell({ state: "held", exitStatus: status });
        yield { kind: "held", status };
      }
    }
    reason = await lifetime.over;
    return status;
  } finally {
    await agent.close(WHY[reason]);
    await tell({ state: "ended", exitStatus: status });
  }
}

/** The maximum uptime is over while the job runs: it is told, and killed if it does not listen. */
async function endJob(job: Job): Promise<void> {
  job.kill("SIGTERM");
  const timer = setTimeout(() => job.kill("SIGKILL"), JOB_GRACE_MS);
  await job.status;
  clearTimeout(timer);
}
