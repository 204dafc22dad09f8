/** A JSON message. */
export type Json = Record<string, unknown>;

/** A run that the test server knows. */
export interface UnionRun {
  readonly name: string;
  /** What each look at an action tells, in order; the last one stays. By action name. */
  readonly looks: Record<string, Json[]>;
  readonly runSpec: Json;
  readonly taskSpec: Json | undefined;
  readonly inputs?: Json;
  /** What TailLogs tells, one batch after another; then the stream ends. */
  readonly logBatches?: readonly (readonly string[])[];
}

/** Project, domain and org of everything the test server knows. */
export const PLACE = { org: "acme", project: "proj", domain: "development" };

/** What a control plane remembers. */
export class UnionState {
  readonly runs = new Map<string, UnionRun>();
  /** Client ids of API keys. */
  readonly apps = new Map<string, { readonly owner: string }>();
  readonly aborted: string[] = [];
  readonly created: Json[] = [];
  readonly uploads: Json[] = [];
  /** What looks at a run tell that was created here, once it has been queued. */
  createdLooks: readonly Json[] = [];
  /** Run names in the order of ListRuns, two per page. */
  pageSize = 2;

  addRun(run: UnionRun): void {
    this.runs.set(run.name, run);
  }
}

interface Request {
  readonly actionId?: { readonly run: Json; readonly name: string };
  readonly runId?: Json;
  readonly clientId?: string;
  readonly operation?: string;
  readonly request?: { readonly token?: string };
  readonly projectId?: Json;
  readonly [field: string]: unknown;
}

/** The answer to a call whose form has been checked. */
export function answerCall(
  state: UnionState & { oauth?: { clients: Map<string, string> } },
  path: string,
  body: unknown,
): Response {
  const message = body as Request;
  const method = path.slice(path.lastIndexOf("/") + 1);
  const misplaced = findMisplaced(message);
  if (misplaced) return failure(404, "not_found", misplaced);
  switch (`${path.split("/")[0]?.split(".").at(-1)}/${method}`) {
    case "RunService/GetActionDetails":
      return actionDetails(state, message);
    case "RunService/GetRunDetails":
      return runDetails(state, message);
    case "RunService/ListRuns":
      return listRuns(state, message);
    case "RunService/CreateRun":
      return createRun(state, message);
    case "RunService/AbortRun":
      return abortRun(state, message);
    case "ClusterService/SelectCluster":
      return selectCluster(message);
    case "DataProxyService/GetActionData":
      return Response.json({ inputs: runOf(state, message.actionId?.run)?.inputs ?? {}, outputs: {} });
    case "DataProxyService/UploadInputs":
      state.uploads.push(message);
      return Response.json({ offloadedInputData: { uri: "s3://bucket/inputs.pb", inputsHash: "abc" } });
    case "DataProxyService/TailLogs":
      return tailLogs(state, message);
  }
  return appsCall(state, { method, clientId: message.clientId ?? "" });
}

function findMisplaced(message: Request): string | undefined {
  const { projectId, actionId } = message;
  const run = message.runId ?? actionId?.run;
  if (projectId) {
    const isHere = projectId.organization === PLACE.org && projectId.domain === PLACE.domain &&
      projectId.name === PLACE.project;
    return isHere ? undefined : "no such project";
  }
  if (!run) return undefined;
  const isHere = run.org === PLACE.org && run.project === PLACE.project && run.domain === PLACE.domain;
  return isHere ? undefined : "no such project";
}

function runOf(state: UnionState, run: Json | undefined): UnionRun | undefined {
  return state.runs.get(String(run?.name));
}

function currentLook(run: UnionRun, action: string, { advance }: { advance: boolean }): Json | undefined {
  const looks = run.looks[action];
  return advance && looks && looks.length > 1 ? looks.shift() : looks?.[0];
}

function actionDetails(state: UnionState, { actionId }: Request): Response {
  const run = runOf(state, actionId?.run);
  const look = run && currentLook(run, actionId?.name ?? "", { advance: true });
  if (!run || !look) return failure(404, "not_found", "action not found");
  return Response.json({ details: { id: actionId, task: run.taskSpec, ...look } });
}

function runDetails(state: UnionState, { runId }: Request): Response {
  const run = runOf(state, runId);
  if (!run) return failure(404, "not_found", "run not found");
  const look = currentLook(run, "a0", { advance: false });
  const action = { id: { run: runId, name: "a0" }, task: run.taskSpec, ...look };
  return Response.json({ details: { runSpec: run.runSpec, action } });
}

function listRuns(state: UnionState, { request }: Request): Response {
  const names = [...state.runs.keys()].reverse();
  const start = Number(request?.token ?? 0);
  const runs = names.slice(start, start + state.pageSize).map((name) => ({
    action: {
      id: { run: { ...PLACE, name }, name: "a0" },
      status: { phase: "ACTION_PHASE_RUNNING", startTime: "2026-11-20T10:00:00.123Z", attempts: 1 },
    },
  }));
  const next = start + state.pageSize;
  return Response.json({ runs, ...(next < names.length ? { token: String(next) } : {}) });
}

function createRun(state: UnionState, message: Request): Response {
  const name = String(message.runId?.name);
  if (!/^[a-z][a-z0-9-]{0,29}$/.test(name)) return failure(400, "invalid_argument", "run name is malformed");
  if (state.runs.has(name)) return failure(409, "already_exists", `run ${name} exists`);
  state.created.push(message);
  const status = { phase: "ACTION_PHASE_QUEUED", startTime: "2026-11-20T10:00:00Z" };
  state.addRun({
    name,
    looks: { a0: [{ status }, ...state.createdLooks] },
    runSpec: message.runSpec as Json,
    taskSpec: message.taskSpec as Json,
  });
  return Response.json({ run: { action: { id: { run: message.runId, name: "a0" }, status } } });
}

function abortRun(state: UnionState, { runId }: Request): Response {
  if (!runOf(state, runId)) return failure(404, "not_found", "run not found");
  state.aborted.push(String(runId?.name));
  return Response.json({});
}

function selectCluster({ operation, projectId, actionId, actionAttemptId }: Request): Response {
  const needed: Record<string, unknown> = {
    OPERATION_UPLOAD_INPUTS: projectId,
    OPERATION_GET_ACTION_DATA: actionId,
    OPERATION_TAIL_LOGS: actionAttemptId,
  };
  if (needed[operation ?? ""] === undefined) return failure(400, "invalid_argument", `wrong resource for ${operation}`);
  return Response.json({ clusterEndpoint: "" });
}

function tailLogs(state: UnionState, { actionId }: Request): Response {
  const batches = runOf(state, actionId?.run)?.logBatches ?? [];
  const parts = batches.map((lines) => envelope(0, { logs: [{ lines: lines.map((message) => ({ message })) }] }));
  return new Response(new Blob([...parts, envelope(2, {})]), {
    headers: { "content-type": "application/connect+json" },
  });
}

function envelope(flags: number, message: Json): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(message));
  const bytes = new Uint8Array(5 + json.length);
  bytes[0] = flags;
  new DataView(bytes.buffer).setUint32(1, json.length);
  bytes.set(json, 5);
  return bytes;
}

function appsCall(
  state: UnionState & { oauth?: { clients: Map<string, string> } },
  { method, clientId }: { method: string; clientId: string },
): Response {
  if (!/^[0-9a-z-]+$/.test(clientId)) return failure(400, "invalid_argument", "client_id is malformed");
  const isKnown = state.apps.has(clientId);
  if (method === "Create") {
    if (isKnown) return failure(409, "already_exists", `application ${clientId} exists`);
    const clientSecret = `secret-of-key-${crypto.randomUUID()}`;
    state.apps.set(clientId, { owner: "me" });
    state.oauth?.clients.set(clientId, clientSecret);
    return Response.json({ app: { clientId, clientSecret } });
  }
  if (!isKnown) return failure(404, "not_found", `application ${clientId} not found`);
  if (method === "Get") return Response.json({ app: { clientId } });
  state.apps.delete(clientId);
  state.oauth?.clients.delete(clientId);
  return Response.json({});
}

function failure(status: number, code: string, message: string): Response {
  return Response.json({ code, message }, { status });
}
