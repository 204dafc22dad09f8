import { AppError, toAppError } from "../base/errors.ts";
import { EVENT_TYPES, isEventType } from "./events.ts";
import { checkFault } from "./parse_fault.ts";
import type { TestServer } from "./test_server.ts";
import { readExec, readFile } from "./test_script.ts";

/** What came of one request: `result`, or `error` as `--json` has it everywhere. */
export interface ControlReply {
  readonly event: "reply";
  /** As the request had it. */
  readonly id: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

type Request = Readonly<Record<string, unknown>>;
type Operation = (server: TestServer, request: Request) => unknown;

/** What a program that started a server may ask of it, by the name in `do`. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  uploaded: (server, { path }) => {
    const file = server.uploaded(String(path));
    return file ? { ...file, bytes: undefined, base64: file.bytes.toBase64() } : null;
  },
  uploads: (server) => server.files.uploads,
  addFile: (server, request) => {
    const { path, content, options } = readFile(without(request, "id", "do"));
    server.addFile(path, content, options);
  },
  onExec: (server, request) => {
    const { matcher, reply } = readExec(without(request, "id", "do"));
    server.onExec(matcher, reply);
  },
  addFault: (server, { fault }) => void server.addFault(checkFault(fault)),
  clearFaults: (server) => server.clearFaults(),
  addAuthorizedKey: (server, { key }) => server.addAuthorizedKey(String(key)),
  commands: (server) => server.commands,
  events: (server, { type }) => typeof type === "string" ? server.events.filter((e) => e.type === type) : server.events,
  waitFor: (server, { type, count, timeoutMs }) => {
    if (!isEventType(type)) {
      throw new AppError("usage", `There is no event ${JSON.stringify(type)}`, {
        hint: `There are ${EVENT_TYPES.join(", ")}`,
      });
    }
    return server.waitFor(type, {
      ...(typeof count === "number" ? { count } : {}),
      ...(typeof timeoutMs === "number" ? { timeoutMs } : {}),
    });
  },
  disconnectAll: (server) => server.disconnectAll(),
  forget: (server) => server.forget(),
};

/** Does what one line of JSON asks: `{"id": 1, "do": "uploaded", "path": "/tmp/x"}`. Never rejects. */
export async function answerControlLine(server: TestServer, line: string): Promise<ControlReply> {
  let id: unknown = null;
  try {
    const request = parseRequest(line);
    id = request.id ?? null;
    const name = String(request.do);
    const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
    if (!operation) {
      throw new AppError("usage", `There is nothing called ${JSON.stringify(name)} to do`, {
        hint: `There are ${Object.keys(OPERATIONS).join(", ")}`,
      });
    }
    return { event: "reply", id, result: await operation(server, request) ?? null };
  } catch (error) {
    return { event: "reply", id, ...toAppError(error).toJSON() };
  }
}

function parseRequest(line: string): Request {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value as Request;
  } catch {
    // Told below, with what was found.
  }
  throw new AppError("usage", `A request must be one JSON object a line: got ${JSON.stringify(line.slice(0, 80))}`);
}

function without(request: Request, ...names: readonly string[]): Request {
  return Object.fromEntries(Object.entries(request).filter(([name]) => !names.includes(name)));
}
