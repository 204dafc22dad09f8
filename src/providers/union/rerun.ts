import { AppError } from "../../base/errors.ts";
import { launchEnv } from "../../targets/launch_env.ts";
import { getInputs, uploadInputs } from "./data_proxy.ts";
import { debugRunName } from "./guesses.ts";
import { isTerminalPhase, type RunId, type RunInfo } from "./messages.ts";
import { rpcCodeOf } from "./rpc_error.ts";
import { createRun, findRun, getActionDetails, getRunDetails, type RunDetails, runIdOf } from "./runs.ts";
import type { UnionSession } from "./session.ts";
import { type Message, messageField, messagesField, textField } from "./wire.ts";

/** What is to be run again, with an SSH server inside. */
export interface RerunRequest {
  readonly runName: string;
  readonly actionName: string;
  /** The new run's name; else one that is the same every time for this run, action and key. */
  readonly name?: string | undefined;
  readonly publicKey: string;
  /** Added to the run's environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** A run to connect to. */
export interface RerunResult extends RunInfo {
  /** False when it was running already, from an earlier launch. */
  readonly isNew: boolean;
}

// Far more runs of one day than anybody debugs; past it something is wrong with the names.
const MAX_GENERATIONS = 99;

/**
 * Runs an action again as the root of a new run with an SSH server in it, or finds the one that an earlier call started
 * and that still runs.
 *
 * @throws AppError `not_found` for the run; `already_exists` when `name` is spent, or runs with another key.
 */
export async function rerun(session: UnionSession, request: RerunRequest): Promise<RerunResult> {
  const { signal, name } = request;
  const env = launchEnv(request.publicKey, request.env);
  for (let generation = 1; generation <= MAX_GENERATIONS; generation++) {
    const runId = runIdOf(session, name ?? await debugRunName({ ...request, generation }));
    const existing = await findRun(session, runId, { signal }) ?? await tryStart(session, { request, runId, env });
    if ("isNew" in existing) return existing;
    if (!isTerminalPhase(existing.action.phase)) return reuse(existing, { runId, env });
    if (name !== undefined) throw nameSpent(name, existing.action.phase);
  }
  throw new AppError(
    "already_exists",
    `Cannot find a free name for a debug run of ${JSON.stringify(request.runName)}`,
    {
      hint: "Choose one: porthole launch --on union --rerun RUN --name NAME",
    },
  );
}

/** The new run; the details of the one that somebody else started in the same moment, if that is what happened. */
async function tryStart(
  session: UnionSession,
  { request, runId, env }: { request: RerunRequest; runId: RunId; env: Readonly<Record<string, string>> },
): Promise<RerunResult | RunDetails> {
  const { signal } = request;
  try {
    return { ...await start(session, { request, runId, env }), isNew: true };
  } catch (error) {
    if (rpcCodeOf(error) !== "already_exists") throw error;
    return await getRunDetails(session, runId, { signal });
  }
}

async function start(
  session: UnionSession,
  { request, runId, env }: { request: RerunRequest; runId: RunId; env: Readonly<Record<string, string>> },
): Promise<RunInfo> {
  const { runName, actionName, signal } = request;
  const source = runIdOf(session, runName);
  const { runSpec, action } = await getRunDetails(session, source, { signal });
  const actionId = { run: source, name: actionName };
  const isRoot = action.id.name === "" || action.id.name === actionName;
  const { taskSpec } = isRoot ? action : await getActionDetails(session, actionId, { signal });
  if (taskSpec === undefined) {
    throw new AppError(
      "usage",
      `Cannot run ${JSON.stringify(actionName)} of ${JSON.stringify(runName)} again: it is no task`,
      {
        hint: "Name an action that is one, such as a0",
      },
    );
  }
  const inputs = await getInputs(session, actionId, { signal });
  const offloadedInputData = await uploadInputs(session, { runId, taskSpec, inputs, signal });
  const created = await createRun(session, {
    runId,
    taskSpec,
    offloadedInputData,
    runSpec: {
      ...runSpec,
      envs: { values: mergeEnvironment(messageField(runSpec, "envs"), env) },
      relation: { relatedTo: source, relationType: "RELATION_TYPE_RERUN" },
    },
    source: "RUN_SOURCE_CLI",
  }, { signal });
  return { ...created, id: created.id.name === "" ? runId : created.id };
}

/** The old variables in their order, each with its new value if it has one; then the new ones. */
function mergeEnvironment(old: Message, added: Readonly<Record<string, string>>): readonly Message[] {
  const merged = new Map(
    messagesField(old, "values").map((pair) => [textField(pair, "key"), textField(pair, "value")]),
  );
  for (const [key, value] of Object.entries(added)) merged.set(key, value);
  return [...merged].map(([key, value]) => ({ key, value }));
}

/** The run that is there, if it is what was asked for: a key that does not fit, or a variable left out, shows too late. */
function reuse(
  { runSpec, action }: RunDetails,
  { runId, env }: { runId: RunId; env: Readonly<Record<string, string>> },
): RerunResult {
  const pairs = messagesField(messageField(runSpec, "envs"), "values");
  const there = new Map(pairs.map((pair) => [textField(pair, "key"), textField(pair, "value")]));
  const { _F_SSH_PK: key = "", ...others } = env;
  const differing = Object.keys(others).find((name) => there.get(name) !== others[name]);
  const isOurs = keyBlob(there.get("_F_SSH_PK") ?? "") === keyBlob(key);
  if (isOurs && differing === undefined) {
    return { id: runId, phase: action.phase, startTime: action.startTime, isNew: false };
  }
  throw new AppError(
    "already_exists",
    `The run ${JSON.stringify(runId.name)} is there already, with another ${
      isOurs ? `value of ${differing}` : "SSH key"
    }`,
    {
      hint: "Give the new run a name of its own with --name, or stop that one: porthole stop --on union " + runId.name,
    },
  );
}

function keyBlob(line: string): string {
  return line.split(" ", 2).join(" ");
}

function nameSpent(name: string, phase: string): AppError {
  return new AppError(
    "already_exists",
    `Cannot use the name ${JSON.stringify(name)} again: that run ended as ${phase}`,
    {
      hint: "Choose another --name, or leave it out",
    },
  );
}
