import { hangUp } from "../../agent/sessions/process_group.ts";
import { sleep } from "../../base/abort.ts";
import { AppError } from "../../base/errors.ts";
import type { Environment } from "../../base/home.ts";
import { nameWithoutAction, type ResolveState, type RunReference } from "../../targets/resolve_state.ts";
import { validateAlias } from "../../targets/target_store.ts";
import type { LaunchRequest, Provider, RunSummary } from "../provider.ts";
import { followFile, lastLines } from "./log_file.ts";
import { isHeldByAnother } from "./run_lock.ts";
import { startAgent } from "./start_agent.ts";
import {
  listRunNames,
  type LocalRun,
  lockRuns,
  makeRunFolder,
  removeRunFolder,
  runFiles,
  saveRun,
  tryLoadAgentState,
  tryLoadRun,
} from "./run_store.ts";

/** What the local provider needs from outside. */
export interface LocalProviderOptions {
  readonly env: Environment;
  /** With which words this program runs itself: see `CommandContext.self`. */
  readonly self: readonly string[];
  /** The key pair that the agents let in. */
  readonly keypair: () => Promise<{ readonly privateKeyPath: string; readonly publicKey: string }>;
}

const STOP_GRACE_MS = 8_000;
const POLL_MS = 25;
const ENDED_RUNS_KEPT = 20;

/**
 * Jobs on this machine, each under an agent on a loopback port of its own: the whole of porthole without any account.
 *
 * Runs are folders below `$PORTHOLE_HOME/runs`. A run is alive while its agent holds the lock beside its state file,
 * which the kernel lets go of when the agent dies, however it dies; process ids alone would lie after a reboot.
 */
export class LocalProvider implements Provider {
  readonly name = "local";

  constructor(private readonly options: LocalProviderOptions) {}

  async launch(request: LaunchRequest, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<RunSummary> {
    signal?.throwIfAborted();
    if (request.command.length === 0) {
      throw new AppError("usage", "Cannot launch a job without its command", {
        hint: "porthole launch -- python train.py",
      });
    }
    const name = validateAlias(request.name ?? inventName(request.command));
    const files = runFiles(this.options.env, name);
    const { privateKeyPath, publicKey } = await this.options.keypair();
    // Of those who want the same name at one moment, the others must see the first one's run.
    using _lock = await lockRuns(this.options.env, signal);
    if (await this.#isAlive(name)) {
      throw new AppError("already_exists", `Cannot launch ${JSON.stringify(name)}: a run of that name is still there`, {
        hint: `porthole connect ${name} reaches it, porthole stop ${name} ends it`,
      });
    }
    await this.#forgetOldRuns();
    await makeRunFolder(files);
    const pid = await startAgent({ ...this.options, files, publicKey, name, request });
    const run: LocalRun = {
      version: 1,
      name,
      pid,
      command: request.command,
      startedAt: new Date().toISOString(),
      identityFile: privateKeyPath,
    };
    await saveRun(files, run);
    return {
      provider: this.name,
      name,
      phase: "starting",
      startedAt: new Date(run.startedAt),
      command: run.command.join(" "),
    };
  }

  async *resolve(
    reference: RunReference,
    { signal, pollIntervalMs = POLL_MS }: { signal?: AbortSignal | undefined; pollIntervalMs?: number } = {},
  ): AsyncGenerator<ResolveState> {
    const { actionName } = reference;
    const runName = nameWithoutAction(reference, "this machine");
    const run = await this.#mustLoad(runName);
    const files = runFiles(this.options.env, runName);
    for (;;) {
      const state = await tryLoadAgentState(files);
      const isAlive = await isHeldByAnother(files);
      if (isAlive && state && state.state !== "ended") {
        const route = { kind: "websocket", url: `ws://127.0.0.1:${state.port}/` } as const;
        const user = this.options.env.USER || this.options.env.LOGNAME || "root";
        yield {
          kind: "ready",
          resolved: { route, runName, actionName, attempt: 0, user, identityFile: run.identityFile },
        };
        return;
      }
      if (!isAlive && (state || !isYoung(run))) throw await this.#ended(run);
      yield { kind: "waiting", phase: "starting" };
      await sleep(Math.min(POLL_MS, pollIntervalMs), signal);
    }
  }

  async *list({ signal }: { signal?: AbortSignal | undefined } = {}): AsyncGenerator<RunSummary> {
    const runs = await this.#allRuns();
    for (const run of runs) {
      signal?.throwIfAborted();
      yield await this.#summarise(run);
    }
  }

  async stop(reference: RunReference, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    const runName = nameWithoutAction(reference, "this machine");
    const run = await this.#mustLoad(runName);
    const files = runFiles(this.options.env, runName);
    while ((await this.#summarise(run)).phase === "starting") await sleep(POLL_MS, signal);
    // What has ended is stopped: a script that cleans up asks no more.
    if (!await isHeldByAnother(files)) return;
    Deno.kill(run.pid, "SIGTERM");
    for (let waitedMs = 0; waitedMs < STOP_GRACE_MS; waitedMs += POLL_MS) {
      // It leads a session: what the job has started, and not waited for, goes with it.
      if (!await isHeldByAnother(files)) return await hangUp(run.pid);
      await sleep(POLL_MS, signal);
    }
    await hangUp(run.pid, { graceMs: 0 });
  }

  async *logs(
    reference: RunReference,
    { signal, follow = false }: { signal?: AbortSignal | undefined; follow?: boolean } = {},
  ): AsyncGenerator<string> {
    const runName = nameWithoutAction(reference, "this machine");
    const run = await this.#mustLoad(runName);
    const goesOn = async () => follow && (await this.#summarise(run)).phase !== "ended";
    yield* followFile(runFiles(this.options.env, runName).log, { signal, goesOn });
  }

  /** True when there is a run of that name, alive or ended. */
  async has(runName: string): Promise<boolean> {
    return await tryLoadRun(this.options.env, validateAlias(runName)) !== undefined;
  }

  /** Nothing is held between calls. */
  [Symbol.dispose](): void {}

  async #summarise(run: LocalRun): Promise<RunSummary> {
    const files = runFiles(this.options.env, run.name);
    const state = await tryLoadAgentState(files);
    const isAlive = await isHeldByAnother(files);
    const phase = !isAlive
      ? (state || !isYoung(run) ? "ended" : "starting")
      : state?.state === "held"
      ? "held"
      : "running";
    return {
      provider: this.name,
      name: run.name,
      phase,
      startedAt: new Date(run.startedAt),
      command: run.command.join(" "),
      ...(state?.exitStatus === undefined ? {} : { exitStatus: state.exitStatus }),
    };
  }

  async #ended(run: LocalRun): Promise<AppError> {
    const { exitStatus } = await this.#summarise(run);
    const tail = await lastLines(runFiles(this.options.env, run.name).log, 3);
    const status = exitStatus === undefined ? "" : ` with exit status ${exitStatus}`;
    return new AppError(
      "run_ended",
      `The run ${JSON.stringify(run.name)} has ended${status}${tail ? `: ${tail}` : ""}`,
      {
        hint: `porthole logs ${run.name} shows all it printed; launch it with --hold always to keep it reachable`,
        details: { run: run.name, exitStatus },
      },
    );
  }

  async #mustLoad(name: string): Promise<LocalRun> {
    const run = await tryLoadRun(this.options.env, validateAlias(name));
    if (run) return run;
    throw new AppError("not_found", `Cannot find a local run named ${JSON.stringify(name)}`, {
      hint: "porthole list shows the runs that there are",
    });
  }

  async #isAlive(name: string): Promise<boolean> {
    const run = await tryLoadRun(this.options.env, name);
    return run !== undefined && (isYoung(run) || await isHeldByAnother(runFiles(this.options.env, name))) &&
      (await this.#summarise(run)).phase !== "ended";
  }

  async #allRuns(): Promise<LocalRun[]> {
    const names = await listRunNames(this.options.env);
    const runs = await Promise.all(names.map((name) => tryLoadRun(this.options.env, name)));
    return runs.filter((run) => run !== undefined).sort((a, b) => b.startedAt.localeCompare(a.startedAt));
  }

  /** Ended runs are kept for their logs, but not for ever. */
  async #forgetOldRuns(): Promise<void> {
    for (const run of (await this.#allRuns()).slice(ENDED_RUNS_KEPT)) {
      const files = runFiles(this.options.env, run.name);
      if (!await isHeldByAnother(files)) await removeRunFolder(files);
    }
  }
}

/** An agent needs a moment until it holds its lock: until then a run counts as starting. */
function isYoung(run: LocalRun): boolean {
  return Date.now() - Date.parse(run.startedAt) < 10_000;
}

function inventName(command: readonly string[]): string {
  const program = (command[0] ?? "").split(/[\\/]/).at(-1) ?? "";
  const word = program.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 24);
  return `${word || "job"}-${crypto.randomUUID().slice(0, 4)}`;
}
