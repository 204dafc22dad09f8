import { AppError } from "../base/errors.ts";
import type { TargetRecord, TargetRoute } from "./target.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A record read back from the file `path`. @throws AppError `config_invalid` that names the field. */
export function parseTargetRecord(text: string, path: string): TargetRecord {
  const invalid = (needed: string) =>
    new AppError("config_invalid", `Cannot use the target record ${JSON.stringify(path)}: ${needed}`, {
      hint: "porthole connect RUN writes it anew",
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("it is not JSON");
  }
  if (!isFields(value)) throw invalid("it is not an object");
  if (value.version !== 1) throw invalid(`version must be 1, it is ${JSON.stringify(value.version)}`);
  const fields = value;
  const string = (name: string): string => {
    const found = fields[name];
    if (typeof found !== "string" || found === "") throw invalid(`${name} must be a string`);
    return found;
  };
  const { hostKeyCheck, attempt, credential } = fields;
  if (hostKeyCheck !== "yes" && hostKeyCheck !== "accept-new") {
    throw invalid('hostKeyCheck must be "yes" or "accept-new"');
  }
  if (typeof attempt !== "number") throw invalid("attempt must be a number");
  return {
    version: 1,
    alias: string("alias"),
    provider: string("provider"),
    runName: string("runName"),
    actionName: string("actionName"),
    attempt,
    route: parseRoute(fields.route, invalid),
    user: string("user"),
    identityFile: string("identityFile"),
    hostKeyAlias: string("hostKeyAlias"),
    hostKeyCheck,
    createdAt: string("createdAt"),
    ...(credential === undefined ? {} : { credential: parseCredential(credential, invalid) }),
  };
}

function parseRoute(value: unknown, invalid: (needed: string) => AppError): TargetRoute {
  if (!isFields(value)) throw invalid("route must be an object");
  if (value.kind === "tcp" && typeof value.host === "string" && typeof value.port === "number") {
    return { kind: "tcp", host: value.host, port: value.port };
  }
  if (value.kind !== "websocket" || typeof value.url !== "string") {
    throw invalid("route must be a websocket with a url, or tcp with host and port");
  }
  const { url, headersFile, caFile } = value;
  return {
    kind: "websocket",
    url,
    ...(typeof headersFile === "string" ? { headersFile } : {}),
    ...(typeof caFile === "string" ? { caFile } : {}),
  };
}

function parseCredential(value: unknown, invalid: (needed: string) => AppError): Readonly<Record<string, string>> {
  if (!isFields(value)) throw invalid("credential must be an object of strings");
  const credential: Record<string, string> = {};
  for (const [name, part] of Object.entries(value)) {
    if (typeof part !== "string") throw invalid(`credential.${name} must be a string`);
    credential[name] = part;
  }
  return credential;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
