const CREATE_FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  project: isText,
  commit: isText,
  step: isText,
  environment: isText,
  image: isText,
  title: isText,
  inputs: (value) => isRecord(value) && Object.values(value).every((each) => Array.isArray(each) && each.every(isText)),
  parameters: (value) =>
    isRecord(value) && Object.values(value).flat().every((each) => /^(?:string|number|boolean)$/.test(typeof each)),
  environment_variables: (value) => isRecord(value) && Object.values(value).every(isText),
  tags: (value) => Array.isArray(value) && value.every(isText),
  runtime_config: isRuntimeConfig,
};

/** What the real API would refuse in the body of a new execution: field by field, as it words it; empty if nothing. */
export function createProblems(body: Record<string, unknown>): Record<string, string[]> {
  const problems: Record<string, string[]> = {};
  for (const [name, value] of Object.entries(body)) {
    const check = CREATE_FIELDS[name];
    if (!check) problems[name] = ["This field is unknown."];
    else if (!check(value)) problems[name] = ["This field is invalid."];
  }
  for (const name of ["project", "commit", "step"]) if (!(name in body)) problems[name] = ["This field is required."];
  return problems;
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

/** True for a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isRuntimeConfig(value: unknown): boolean {
  if (!isRecord(value) || Object.keys(value).some((name) => name !== "remote_debug")) return false;
  const debug = value.remote_debug;
  if (!isRecord(debug) || Object.keys(debug).sort().join() !== "debug_key,debug_port") return false;
  const { debug_key: key, debug_port: port } = debug;
  if (typeof key !== "string" || !key.startsWith("ssh") || /\n|PRIVATE KEY/.test(key)) return false;
  return typeof port === "number" && Number.isInteger(port) && port > 1023 && port < 65_536;
}
