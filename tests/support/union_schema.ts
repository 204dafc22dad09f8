/**
 * Which fields each request of the control plane has, written down from its protos apart from the client under test.
 * `*` takes any message: what a client passes on without looking into it.
 */
type Shape = "text" | "count" | "enum" | "*" | readonly ["list", Shape] | { readonly [field: string]: Shape };

const RUN_ID = { org: "text", project: "text", domain: "text", name: "text" } as const;
const ACTION_ID = { run: RUN_ID, name: "text" } as const;
const PROJECT_ID = { organization: "text", domain: "text", name: "text" } as const;
const KEY_VALUE = { key: "text", value: "text" } as const;
const INPUTS = { literals: ["list", "*"], context: ["list", KEY_VALUE] } as const;
const RUN_SPEC = {
  labels: "*",
  annotations: "*",
  envs: { values: ["list", KEY_VALUE] },
  interruptible: "*",
  cluster: "text",
  rawDataStorage: "*",
  securityContext: "*",
  cacheConfig: "*",
  relation: { relatedTo: RUN_ID, relationType: "enum" },
} as const;

/** The request of each method that the test server knows, by its path without the first slash. */
export const REQUESTS: Readonly<Record<string, Shape>> = {
  "flyteidl2.auth.AuthMetadataService/GetOAuth2Metadata": {},
  "flyteidl2.auth.AuthMetadataService/GetPublicClientConfig": {},
  "flyteidl2.workflow.RunService/GetActionDetails": { actionId: ACTION_ID },
  "flyteidl2.workflow.RunService/GetRunDetails": { runId: RUN_ID },
  "flyteidl2.workflow.RunService/AbortRun": { runId: RUN_ID, reason: "text" },
  "flyteidl2.workflow.RunService/CreateRun": {
    runId: RUN_ID,
    projectId: PROJECT_ID,
    taskId: "*",
    taskSpec: "*",
    inputs: INPUTS,
    offloadedInputData: { uri: "text", inputsHash: "text" },
    runSpec: RUN_SPEC,
    source: "enum",
    runStartTime: "text",
  },
  "flyteidl2.workflow.RunService/ListRuns": {
    request: {
      limit: "count",
      token: "text",
      sortByFields: ["list", { key: "text", direction: "enum" }],
      filters: ["list", "*"],
    },
    org: "text",
    projectId: PROJECT_ID,
  },
  "flyteidl2.cluster.ClusterService/SelectCluster": {
    projectId: PROJECT_ID,
    actionId: ACTION_ID,
    actionAttemptId: { actionId: ACTION_ID, attempt: "count" },
    operation: "enum",
  },
  "flyteidl2.dataproxy.DataProxyService/GetActionData": { actionId: ACTION_ID },
  "flyteidl2.dataproxy.DataProxyService/UploadInputs": { runId: RUN_ID, taskSpec: "*", inputs: INPUTS },
  "flyteidl2.dataproxy.DataProxyService/TailLogs": { actionId: ACTION_ID, attempt: "count", podName: "text" },
  "cloudidl.identity.AppsService/Create": {
    organization: "text",
    clientId: "text",
    redirectUris: ["list", "text"],
    responseTypes: ["list", "enum"],
    grantTypes: ["list", "enum"],
    clientName: "text",
    tokenEndpointAuthMethod: "enum",
    consentMethod: "enum",
  },
  "cloudidl.identity.AppsService/Get": { organization: "text", clientId: "text" },
  "cloudidl.identity.AppsService/Delete": { organization: "text", clientId: "text" },
};

/** What is wrong with `value` as a message of `shape`; undefined when nothing is. */
export function findFault(value: unknown, shape: Shape, path = "request"): string | undefined {
  if (shape === "*") return undefined;
  if (shape === "text" || shape === "enum") return typeof value === "string" ? undefined : `${path} must be a string`;
  if (shape === "count") return Number.isInteger(value) ? undefined : `${path} must be an integer`;
  if (isListShape(shape)) {
    if (!Array.isArray(value)) return `${path} must be a list`;
    return value.map((item, index) => findFault(item, shape[1], `${path}[${index}]`)).find((fault) => fault);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return `${path} must be a message`;
  for (const [name, item] of Object.entries(value)) {
    const inner = shape[name];
    if (inner === undefined) return `${path} has no field "${name}"`;
    const fault = findFault(item, inner, `${path}.${name}`);
    if (fault) return fault;
  }
  return undefined;
}

function isListShape(shape: Shape): shape is readonly ["list", Shape] {
  return Array.isArray(shape);
}
