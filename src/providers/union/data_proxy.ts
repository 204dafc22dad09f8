import { normalizeEndpoint } from "./endpoint.ts";
import type { RpcClient } from "./connect_rpc.ts";
import type { ActionId, RunId } from "./messages.ts";
import { rpcCodeOf } from "./rpc_error.ts";
import type { RunCallOptions } from "./runs.ts";
import type { UnionSession } from "./session.ts";
import { asMessage, field, type Message, messageField, messagesField, textField } from "./wire.ts";

const SERVICE = "flyteidl2.dataproxy.DataProxyService";
// Inputs may be many megabytes, and the way slow; the platform's own client waits for ever.
const TRANSFER_TIMEOUT_MS = 10 * 60_000;
const OLDER_LOG_SERVICE = "flyteidl2.workflow.RunLogsService";

/** The inputs of an action, as they came. */
export async function getInputs(
  session: UnionSession,
  actionId: ActionId,
  { signal }: RunCallOptions,
): Promise<Message> {
  const rpc = await selectCluster(session, {
    operation: "OPERATION_GET_ACTION_DATA",
    resource: { actionId },
    signal,
  });
  const answer = await rpc.call(`${SERVICE}/GetActionData`, { actionId }, { signal, timeoutMs: TRANSFER_TIMEOUT_MS });
  return messageField(answer, "inputs");
}

/** Stores the inputs of a run that is about to be created; gives what CreateRun takes for them. */
export async function uploadInputs(
  session: UnionSession,
  { runId, taskSpec, inputs, signal }: {
    readonly runId: RunId;
    readonly taskSpec: Message;
    readonly inputs: Message;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Message> {
  const { org, project, domain } = runId;
  const rpc = await selectCluster(session, {
    operation: "OPERATION_UPLOAD_INPUTS",
    // A cluster is chosen for a project here: a run that is not there yet cannot be named.
    resource: { projectId: { organization: org, domain, name: project } },
    signal,
  });
  const request = { runId, taskSpec, inputs };
  const answer = await rpc.call(`${SERVICE}/UploadInputs`, request, { signal, timeoutMs: TRANSFER_TIMEOUT_MS });
  return messageField(answer, "offloadedInputData");
}

/** The lines of one attempt's log, as batches come. */
export async function* tailLogs(
  session: UnionSession,
  { actionId, attempt, signal }: {
    readonly actionId: ActionId;
    readonly attempt: number;
    readonly signal?: AbortSignal | undefined;
  },
): AsyncGenerator<string> {
  const rpc = await selectCluster(session, {
    operation: "OPERATION_TAIL_LOGS",
    resource: { actionAttemptId: { actionId, attempt } },
    signal,
  });
  try {
    yield* readLines(rpc.stream(`${SERVICE}/TailLogs`, { actionId, attempt }, { signal }));
  } catch (error) {
    if (rpcCodeOf(error) !== "unimplemented") throw error;
    yield* readLines(session.rpc.stream(`${OLDER_LOG_SERVICE}/TailLogs`, { actionId, attempt }, { signal }));
  }
}

async function* readLines(batches: AsyncIterable<Message>): AsyncGenerator<string> {
  for await (const batch of batches) {
    for (const logs of messagesField(batch, "logs")) {
      const lines = field(logs, "lines");
      for (const line of Array.isArray(lines) ? lines : []) {
        const text = typeof line === "string" ? line : textField(asMessage(line), "message");
        yield text.replace(/\r?\n$/, "");
      }
    }
  }
}

/** A client of the cluster that serves `operation`: the control plane itself where it names none. */
async function selectCluster(
  session: UnionSession,
  { operation, resource, signal }: {
    operation: string;
    resource: Message;
    signal: AbortSignal | undefined;
  },
): Promise<RpcClient> {
  const { rpc, config } = session;
  const answer = await rpc.call("flyteidl2.cluster.ClusterService/SelectCluster", { ...resource, operation }, {
    signal,
  })
    .catch((error: unknown) => {
      // A deployment with one cluster need not have this service, nor an entry for that cluster.
      if (["unimplemented", "not_found"].includes(rpcCodeOf(error) ?? "")) return {};
      throw error;
    });
  const named = textField(answer, "clusterEndpoint");
  if (named === "") return rpc;
  const endpoint = normalizeEndpoint(named, { insecure: config.endpoint.startsWith("http:") });
  return endpoint === config.endpoint ? rpc : session.rpcFor(endpoint);
}
