import { AppError } from "../../base/errors.ts";
import { RUN_SORT_KEY } from "./guesses.ts";
import {
  type ActionDetails,
  type ActionId,
  parseActionDetails,
  parseRun,
  type RunId,
  type RunInfo,
} from "./messages.ts";
import { rpcCodeOf } from "./rpc_error.ts";
import type { UnionSession } from "./session.ts";
import { type Message, messageField, messagesField, textField } from "./wire.ts";

/** Options of every call. */
export interface RunCallOptions {
  readonly signal?: AbortSignal | undefined;
}

const SERVICE = "flyteidl2.workflow.RunService";
const PAGE_SIZE = 100;

/** The identifier of the run called `name`, in the configured project. @throws AppError `config_invalid`, `usage`. */
export function runIdOf({ config }: UnionSession, name: string): RunId {
  const { org, project, domain } = config;
  for (const [value, key] of [[project, "task.project"], [domain, "task.domain"], [org, "task.org"]] as const) {
    if (value !== "") continue;
    throw new AppError("config_invalid", `Cannot tell which run is meant: the configuration has no ${key}`, {
      hint: `Set FLYTE_${key.toUpperCase().replace(".", "_")}, or ${key} in the configuration file${
        key === "task.org" ? "" : `, or give --${key.slice("task.".length)}`
      }`,
    });
  }
  if (name.length >= 1 && name.length <= 30) return { org, project, domain, name };
  throw new AppError("usage", `Cannot use ${JSON.stringify(name)} as the name of a run: needed 1 to 30 characters`, {
    hint: "porthole list --on union shows the runs there",
  });
}

/** One action of a run. @throws AppError `not_found`. */
export async function getActionDetails(
  { rpc }: UnionSession,
  actionId: ActionId,
  { signal }: RunCallOptions,
): Promise<ActionDetails> {
  const answer = await rpc.call(`${SERVICE}/GetActionDetails`, { actionId }, { signal }).catch((error: unknown) => {
    throw explainMissing(error, actionId);
  });
  return parseActionDetails(messageField(answer, "details"));
}

/** A run's own specification, as it came, and its root action. */
export interface RunDetails {
  readonly runSpec: Message;
  readonly action: ActionDetails;
}

/** The details of a run. @throws AppError `not_found`. */
export async function getRunDetails(
  { rpc }: UnionSession,
  runId: RunId,
  { signal }: RunCallOptions,
): Promise<RunDetails> {
  const answer = await rpc.call(`${SERVICE}/GetRunDetails`, { runId }, { signal }).catch((error: unknown) => {
    throw explainMissing(error, { run: runId, name: "" });
  });
  const details = messageField(answer, "details");
  return {
    runSpec: messageField(details, "runSpec"),
    action: parseActionDetails(messageField(details, "action")),
  };
}

/** The details of a run, or null when there is none of that name. */
export async function findRun(
  session: UnionSession,
  runId: RunId,
  options: RunCallOptions,
): Promise<RunDetails | null> {
  try {
    return await getRunDetails(session, runId, options);
  } catch (error) {
    if (rpcCodeOf(error) === "not_found") return null;
    throw error;
  }
}

/** The runs of the configured project, newest first. */
export async function* listRuns(session: UnionSession, { signal }: RunCallOptions): AsyncGenerator<RunInfo> {
  const { org, project, domain } = runIdOf(session, "any");
  for (let token = "";;) {
    const answer = await session.rpc.call(`${SERVICE}/ListRuns`, {
      request: {
        limit: PAGE_SIZE,
        sortByFields: [{ key: RUN_SORT_KEY, direction: "DESCENDING" }],
        ...(token === "" ? {} : { token }),
      },
      projectId: { organization: org, domain, name: project },
    }, { signal });
    yield* messagesField(answer, "runs").map(parseRun);
    token = textField(answer, "token");
    if (token === "") return;
  }
}

/** Ends a run. @throws AppError `not_found`. */
export async function abortRun({ rpc }: UnionSession, runId: RunId, { signal }: RunCallOptions): Promise<void> {
  const request = { runId, reason: "Stopped with porthole" };
  await rpc.call(`${SERVICE}/AbortRun`, request, { signal }).catch((error: unknown) => {
    throw explainMissing(error, { run: runId, name: "" });
  });
}

/** Starts a run. @throws AppError `already_exists` when one of that name is there. */
export async function createRun({ rpc }: UnionSession, request: Message, { signal }: RunCallOptions): Promise<RunInfo> {
  const answer = await rpc.call(`${SERVICE}/CreateRun`, request, { signal });
  return parseRun(messageField(answer, "run"));
}

function explainMissing(error: unknown, { run, name }: ActionId): unknown {
  if (rpcCodeOf(error) !== "not_found") return error;
  const action = name === "" ? "" : `, action ${JSON.stringify(name)},`;
  return new AppError(
    "not_found",
    `Cannot find the run ${JSON.stringify(run.name)}${action} in project ${JSON.stringify(run.project)}, domain ${
      JSON.stringify(run.domain)
    }`,
    {
      hint: "porthole list --on union shows the runs there; --project and --domain choose another place",
      details: { rpcCode: "not_found" },
      cause: error,
    },
  );
}
