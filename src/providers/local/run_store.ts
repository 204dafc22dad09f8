import { join } from "node:path";
import { AppError, describeError } from "../../base/errors.ts";
import { lockFile } from "../../base/file_lock.ts";
import { type Environment, portholeHome } from "../../base/home.ts";
import { ensurePrivateFolder, writeFileAtomic } from "../../base/private_file.ts";
import { shellQuote } from "../../base/shell_quote.ts";
import { type AgentState, parseAgentState } from "../../agent/state_file.ts";

/** What is known of a local run from the moment it was started: `$PORTHOLE_HOME/runs/<name>/run.json`. */
export interface LocalRun {
  readonly version: 1;
  readonly name: string;
  /** The agent's process, which the job is a child of. */
  readonly pid: number;
  readonly command: readonly string[];
  /** RFC 3339. */
  readonly startedAt: string;
  /** The private key that fits the one which the agent lets in. */
  readonly identityFile: string;
}

/** The files of one run. */
export interface RunFiles {
  readonly folder: string;
  readonly run: string;
  /** Written by the agent: see `AgentState`. */
  readonly state: string;
  /** stdout and stderr of the agent and of its job. */
  readonly log: string;
}

/** Where the run `name` keeps its files. */
export function runFiles(env: Environment, name: string): RunFiles {
  const folder = join(runsFolder(env), name);
  return { folder, run: join(folder, "run.json"), state: join(folder, "state.json"), log: join(folder, "log") };
}

function runsFolder(env: Environment): string {
  return join(portholeHome(env), "runs");
}

/** Keeps other launches out until disposed. */
export async function lockRuns(env: Environment, signal: AbortSignal | undefined): Promise<Disposable> {
  await ensurePrivateFolder(portholeHome(env));
  return await lockFile(join(portholeHome(env), "runs.lock"), { signal });
}

/** Makes the folder of a run, empty. What an ended run of the same name left there is removed. */
export async function makeRunFolder(files: RunFiles): Promise<void> {
  await ensurePrivateFolder(join(files.folder, ".."));
  await removeRunFolder(files);
  await Deno.mkdir(files.folder, { mode: 0o700 });
}

/** Removes all files of a run. */
export async function removeRunFolder(files: RunFiles): Promise<void> {
  await Deno.remove(files.folder, { recursive: true }).catch((error: unknown) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

export async function saveRun(files: RunFiles, run: LocalRun): Promise<void> {
  await writeFileAtomic(files.run, `${JSON.stringify(run, null, 2)}\n`);
}

/** The run `name`, or undefined when there is none. @throws AppError `config_invalid` for a damaged record. */
export async function tryLoadRun(env: Environment, name: string): Promise<LocalRun | undefined> {
  const path = runFiles(env, name).run;
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return parseRun(JSON.parse(text));
  } catch (error) {
    throw new AppError("config_invalid", `Cannot use the run record ${JSON.stringify(path)}: ${describeError(error)}`, {
      hint: `If that run is over, remove it: rm -r ${shellQuote(runFiles(env, name).folder)}`,
      cause: error,
    });
  }
}

/** The names of all runs, in no order. */
export async function listRunNames(env: Environment): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(runsFolder(env))) if (entry.isDirectory) names.push(entry.name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names;
}

/** What the agent of a run last said of itself, or undefined when it has not yet. */
export async function tryLoadAgentState(files: RunFiles): Promise<AgentState | undefined> {
  const text = await readIfThere(files.state);
  return text === undefined ? undefined : parseAgentState(text, files.state);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function parseRun(value: unknown): LocalRun {
  const run = value as Partial<LocalRun> | null;
  if (
    run?.version !== 1 || typeof run.name !== "string" || !Number.isSafeInteger(run.pid) || Number(run.pid) < 2 ||
    !Array.isArray(run.command) || typeof run.startedAt !== "string" || typeof run.identityFile !== "string"
  ) throw new Error("a field is missing or of the wrong type");
  return run as LocalRun;
}
