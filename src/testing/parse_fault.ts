import { parseDuration } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { FILE_OPERATIONS } from "../ssh/sftp/file_operation.ts";
import { type Fault, FAULT_NAMES, type FaultName } from "./faults.ts";

/** What a field of a fault takes, by what a message calls it; or the values that there are. */
type FieldKind = keyof typeof KINDS | "duration" | readonly string[] | readonly number[];

const KINDS = {
  "a whole number": (given: unknown) => Number.isSafeInteger(given) && Number(given) >= 0,
  "a number above 0": (given: unknown) => typeof given === "number" && given > 0,
  "text": (given: unknown) => typeof given === "string",
  "text or bytes": (given: unknown) => typeof given === "string" || given instanceof Uint8Array,
  "the name of an error such as ENOSPC": (given: unknown) => typeof given === "string" && /^E[A-Z0-9]+$/.test(given),
} as const;

interface Shape {
  readonly fields: Readonly<Record<string, FieldKind>>;
  readonly required?: readonly string[];
  /** The field that a bare value is for. */
  readonly main?: string;
}

const POINT = { phase: ["connect", "kex", "auth", "session"], bytes: "a whole number" } as const;
const TIMES = { times: "a whole number" } as const;

const SHAPES: Readonly<Record<FaultName, Shape>> = {
  refuse: { fields: {} },
  drop: { fields: TIMES },
  "http-status": {
    fields: {
      status: [301, 302, 401, 403, 404, 429, 502, 503],
      location: "text",
      retryAfter: "a whole number",
      body: "text",
      ...TIMES,
    },
    required: ["status"],
    main: "status",
  },
  "wrong-accept": { fields: TIMES },
  "bad-certificate": { fields: { flaw: ["untrusted", "expired", "wrong-host"], ...TIMES }, main: "flaw" },
  "slow-banner": { fields: { delay: "duration", ...TIMES }, required: ["delay"], main: "delay" },
  "no-banner": { fields: TIMES },
  "garbage-before-banner": { fields: { garbage: "text or bytes", ...TIMES }, main: "garbage" },
  "kex-mismatch": { fields: TIMES },
  "host-key-changed": { fields: TIMES },
  "auth-failures": { fields: { count: "a whole number" }, required: ["count"], main: "count" },
  "channel-refused": { fields: { channel: ["session", "direct-tcpip"], ...TIMES }, main: "channel" },
  "window-starvation": { fields: { bytes: "a whole number", ...TIMES }, main: "bytes" },
  disconnect: { fields: { ...POINT, ...TIMES }, main: "bytes" },
  stall: { fields: { ...POINT, ...TIMES }, main: "bytes" },
  "truncated-sftp": { fields: { bytes: "a whole number", ...TIMES }, required: ["bytes"], main: "bytes" },
  "file-error": {
    fields: {
      errno: "the name of an error such as ENOSPC",
      path: "text",
      operation: FILE_OPERATIONS,
      afterBytes: "a whole number",
      ...TIMES,
    },
    required: ["errno"],
    main: "errno",
  },
  "no-exit-status": { fields: TIMES },
  latency: { fields: { delay: "duration", ...TIMES }, required: ["delay"], main: "delay" },
  bandwidth: {
    fields: { bytesPerSecond: "a number above 0", ...TIMES },
    required: ["bytesPerSecond"],
    main: "bytesPerSecond",
  },
  "idle-drop": { fields: { after: "duration", ...TIMES }, required: ["after"], main: "after" },
};

/**
 * A fault from a command line: `NAME`, `NAME=VALUE` for its main field, or `NAME=VALUE,FIELD:VALUE,...`; as in `drop`,
 * `slow-banner=3s`, `disconnect=1000,phase:session,times:1`.
 *
 * @throws AppError `usage`
 */
export function parseFault(text: string): Fault {
  const [, name = "", values] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
  const fields: Record<string, unknown> = { name };
  for (const [at, item] of (values === undefined ? [] : values.split(",")).entries()) {
    const [, field, value] = /^([A-Za-z]+):(.*)$/s.exec(item) ?? [];
    const isField = field !== undefined && field in (shapeOf(name)?.fields ?? {});
    const main = shapeOf(name)?.main;
    if (isField) fields[field] = fromText(value ?? "");
    else if (at === 0 && main !== undefined) fields[main] = fromText(item);
    else throw invalid(name, `${JSON.stringify(item)} is not FIELD:VALUE`);
  }
  return checkFault(fields);
}

/** A fault, checked field by field. @throws AppError `usage` */
export function checkFault(value: unknown): Fault {
  const fault = typeof value === "object" && value !== null ? value as Readonly<Record<string, unknown>> : {};
  const name = String(fault.name ?? "");
  const shape = shapeOf(name);
  if (!shape) {
    throw new AppError("usage", `There is no fault named ${JSON.stringify(name)}`, {
      hint: `Faults are ${FAULT_NAMES.join(", ")}`,
    });
  }
  for (const [field, given] of Object.entries(fault)) {
    if (field !== "name") checkField(name, { field, given, kind: shape.fields[field] });
  }
  for (const field of shape.required ?? []) if (!(field in fault)) throw invalid(name, `it needs ${field}`);
  // Checked against the table above, field by field.
  return fault as unknown as Fault;
}

function shapeOf(name: string): Shape | undefined {
  return Object.hasOwn(SHAPES, name) ? SHAPES[name as FaultName] : undefined;
}

function fromText(text: string): string | number {
  return /^\d+$/.test(text) ? Number(text) : text;
}

function checkField(
  name: string,
  { field, given, kind }: { field: string; given: unknown; kind: FieldKind | undefined },
): void {
  if (kind === undefined) throw invalid(name, `it has no field ${JSON.stringify(field)}`);
  if (kind === "duration") return void parseDuration(String(given), field);
  const isRight = typeof kind === "string" ? KINDS[kind](given) : kind.some((each) => each === given);
  const wanted = typeof kind === "string" ? kind : `one of ${kind.join(", ")}`;
  if (!isRight) throw invalid(name, `${field} must be ${wanted}: got ${JSON.stringify(given)}`);
}

function invalid(name: string, why: string): AppError {
  const fields = Object.keys(shapeOf(name)?.fields ?? {}).join(", ");
  return new AppError("usage", `Cannot use the fault ${JSON.stringify(name)}: ${why}`, {
    hint: fields === "" ? `${name} stands alone` : `Its fields are ${fields}`,
  });
}
