import { AppError } from "../base/errors.ts";
import { writeFileAtomic } from "../base/private_file.ts";

/** What `porthole agent --state-file FILE` says of itself. */
export interface AgentState {
  /** `ready`: it listens; `held`: the job ended and the agent stays; `ended`: the agent is gone. */
  readonly state: "ready" | "held" | "ended";
  readonly pid: number;
  /** The port it listens on. */
  readonly port: number;
  /** Of the job, once it ended; of the agent, where it has no job. */
  readonly exitStatus?: number;
}

/** Replaces the state file in one step: a reader sees the old state or the new one. */
export async function writeAgentState(path: string, state: AgentState): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(state)}\n`);
}

/** The state in `text`, read from the file `path`. @throws AppError `config_invalid`. */
export function parseAgentState(text: string, path: string): AgentState {
  let value: Partial<AgentState> | null = null;
  try {
    value = JSON.parse(text);
  } catch {
    // Told below like any other damage.
  }
  const isState = value?.state === "ready" || value?.state === "held" || value?.state === "ended";
  if (!isState || typeof value?.pid !== "number" || typeof value.port !== "number") {
    throw new AppError(
      "config_invalid",
      `Cannot use ${JSON.stringify(path)}: it is not a state that porthole agent wrote`,
    );
  }
  return value as AgentState;
}
