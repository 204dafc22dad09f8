import { createProblems, isRecord } from "./valohai_contract.ts";

/** A status that an execution shows, for as many looks as told; the last one stays. */
export interface ScriptedStatus {
  readonly status: string;
  /** How many times it is shown; 1 unless told. */
  readonly looks?: number;
}

/** One execution, as a test scripts it. */
export interface ScriptedExecution {
  readonly counter: number;
  readonly script: readonly ScriptedStatus[];
  /** How many looks at the status events come back without the SSH details; Infinity for an execution without SSH. */
  readonly looksWithoutSsh?: number;
  readonly ssh?: { readonly address: string; readonly port: number | string };
  readonly log?: readonly string[];
  readonly step?: string;
  readonly debugKey?: string;
  /** In place of the address under this server: what a hostile or misconfigured answer would say. */
  readonly url?: string;
}

/** What every request of one path is answered with in place of the API. */
export type Interference =
  /** The API's own answer. */
  | { readonly kind: "none" }
  | { readonly kind: "redirect"; readonly location: string }
  | { readonly kind: "page"; readonly html: string }
  | { readonly kind: "status"; readonly status: number; readonly body?: unknown; readonly headers?: HeadersInit };

/** A request as it arrived. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly body: unknown;
}

/** Options of {@link startValohaiServer}. */
export interface ValohaiServerOptions {
  readonly token?: string;
  readonly projectId?: string;
  readonly projectName?: string;
  readonly executions?: readonly ScriptedExecution[];
  /** Where the SSH server of an execution is that is created here. */
  readonly createdSsh?: { readonly address: string; readonly port: number };
  /** Newest first. */
  readonly commits?: readonly { readonly identifier: string; readonly adhoc: boolean }[];
  /** Taken one by one, before anything else is looked at. */
  readonly interferences?: readonly Interference[];
}

/** A running one. */
export interface ValohaiServer extends AsyncDisposable {
  readonly origin: string;
  readonly requests: readonly SeenRequest[];
  /** What did not follow the contract: a test that ends with some has found a fault. */
  readonly violations: readonly string[];
}

const PROJECT_ID = "0162ca5f-7a9f-4d43-8c7e-1c1b0a4e2d11";
/**
 * A strict Valohai API on a loopback port: only the paths, fields and headers of the public contract, everything else is
 * refused as the real one would, and noted as a violation.
 */
export function startValohaiServer(options: ValohaiServerOptions = {}): ValohaiServer {
  const state = new ServerState(options);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => state.answer(request));
  const origin = `http://127.0.0.1:${server.addr.port}`;
  state.origin = origin;
  return {
    origin,
    requests: state.requests,
    violations: state.violations,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

class ServerState {
  readonly requests: SeenRequest[] = [];
  readonly violations: string[] = [];
  origin = "";
  readonly #looks = new Map<number, number>();
  readonly #eventLooks = new Map<number, number>();
  readonly #executions: ScriptedExecution[];
  readonly #interferences: Interference[];
  readonly #stopped = new Set<number>();

  constructor(private readonly options: ValohaiServerOptions) {
    this.#executions = [...options.executions ?? []];
    this.#interferences = [...options.interferences ?? []];
  }

  async answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const text = await request.text();
    const body: unknown = text ? JSON.parse(text) : undefined;
    const authorization = request.headers.get("authorization");
    this.requests.push({ method: request.method, path: url.pathname + url.search, authorization, body });
    const interference = this.#interferences.shift();
    if (interference && interference.kind !== "none") return interfere(interference);
    if (request.headers.get("accept") !== "application/json") {
      return this.#refuse(406, "Accept: application/json is missing");
    }
    if (authorization !== `Token ${this.options.token ?? "valid-token-0123456789"}`) {
      return json({ detail: authorization ? "Invalid token." : "Authentication credentials were not provided." }, 401);
    }
    if (text && !request.headers.get("content-type")?.startsWith("application/json")) {
      return this.#refuse(415, "a body that is not application/json");
    }
    return this.#route(request.method, url, body);
  }

  #route(method: string, url: URL, body: unknown): Response {
    const { pathname } = url;
    const query = Object.fromEntries(url.searchParams);
    if (method === "GET" && pathname === "/api/v0/projects/") return this.#projects(query);
    if (method === "GET" && pathname === "/api/v0/commits/") return this.#commits(query);
    if (pathname === "/api/v0/executions/") {
      return method === "POST" ? this.#create(body) : this.#list(query);
    }
    const byCounter = /^\/api\/v0\/executions\/([^/:]+):(\d+|latest)\/$/.exec(pathname);
    if (method === "GET" && byCounter) return this.#detail(byCounter[1], byCounter[2] ?? "", query);
    const part = /^\/api\/v0\/executions\/exec-(\d+)\/(status-events|events|stop)\/$/.exec(pathname);
    const execution = this.#executions.find(({ counter }) => counter === Number(part?.[1]));
    if (part && !execution) return json({ detail: "Not found." }, 404);
    if (method === "GET" && execution && part?.[2] === "status-events") return this.#statusEvents(execution, query);
    if (method === "GET" && execution && part?.[2] === "events") return this.#events(execution, query);
    if (method === "POST" && execution && part?.[2] === "stop") return this.#stop(execution, body);
    return this.#refuse(404, `${method} ${pathname}`);
  }

  #projects(query: Record<string, string>): Response {
    const { projectName = "digits" } = this.options;
    // Two pages: the wanted one stands on the second.
    if (query.offset === undefined) {
      return json({
        count: 2,
        next: `${this.origin}/api/v0/projects/?offset=1`,
        results: [{ id: "0162ca5f-0000-4d43-8c7e-000000000000", name: "other" }],
      });
    }
    return json({ count: 2, next: null, results: [{ id: this.#projectId, name: projectName }] });
  }

  #commits({ project, ...more }: Record<string, string>): Response {
    if (project !== this.#projectId || Object.keys(more).length) {
      return this.#refuse(400, "commits of no or another project");
    }
    const commits = this.options.commits ??
      [{ identifier: "~adhoc1", adhoc: true }, { identifier: "c0ffee", adhoc: false }, {
        identifier: "beef",
        adhoc: false,
      }];
    return json({ count: commits.length, next: null, results: commits });
  }

  #list({ project, ...more }: Record<string, string>): Response {
    const unknown = Object.keys(more).find((name) => !/^(?:limit|offset|ordering|deleted|status)$/.test(name));
    if (project !== this.#projectId || unknown) return this.#refuse(400, `executions?${unknown ?? "project"}`);
    const results = this.#executions.toSorted((a, b) => b.counter - a.counter).map((each) => this.#describe(each));
    return json({ count: results.length, next: null, previous: null, results });
  }

  #create(body: unknown): Response {
    if (!isRecord(body)) return this.#refuse(400, "no JSON object");
    const problems = createProblems(body);
    if (body.project !== this.#projectId) problems.project = ["Object does not exist."];
    if (Object.keys(problems).length) {
      this.violations.push(`create: ${JSON.stringify(problems)}`);
      return json(problems, 400);
    }
    if (body.step === "no-such-step") return json({ step: ['Step "no-such-step" does not exist in the commit.'] }, 400);
    const counter = Math.max(0, ...this.#executions.map((each) => each.counter)) + 1;
    const execution: ScriptedExecution = {
      counter,
      step: String(body.step),
      script: [{ status: "created" }, { status: "started" }],
      ...(this.options.createdSsh ? { ssh: this.options.createdSsh } : {}),
    };
    this.#executions.push(execution);
    return json({ ...this.#describe(execution), status: "created" }, 201);
  }

  #detail(project: string | undefined, counter: string, query: Record<string, string>): Response {
    if (project !== this.#projectId) return json({ detail: "Not found." }, 404);
    if (query.exclude !== "metadata,events" || Object.keys(query).length !== 1) {
      return this.#refuse(400, "exclude is wrong");
    }
    const latest = Math.max(...this.#executions.map((each) => each.counter));
    const wanted = counter === "latest" ? latest : Number(counter);
    const execution = this.#executions.find((each) => each.counter === wanted);
    if (!execution) return json({ detail: "Not found." }, 404);
    this.#looks.set(wanted, (this.#looks.get(wanted) ?? 0) + 1);
    return json(this.#describe(execution));
  }

  #describe(execution: ScriptedExecution) {
    const { counter } = execution;
    const base = execution.url ?? `${this.origin}/api/v0/executions/exec-${counter}/`;
    return {
      id: `exec-${counter}`,
      counter,
      url: base,
      status: this.#status(execution),
      step: execution.step ?? "train",
      title: "",
      ctime: "2026-03-01T12:00:00.000000Z",
      project: { id: this.#projectId },
      urls: { display: `${this.origin}/p/org/digits/execution/exec-${counter}/`, stop: `${base}stop/` },
      runtime_config: execution.debugKey ? { remote_debug: { debug_port: 2222, debug_key: execution.debugKey } } : {},
    };
  }

  #status({ counter, script }: ScriptedExecution): string {
    if (this.#stopped.has(counter)) return "stopped";
    let looks = Math.max(0, (this.#looks.get(counter) ?? 0) - 1);
    for (const { status, looks: shown = 1 } of script) {
      if (looks < shown) return status;
      looks -= shown;
    }
    return script.at(-1)?.status ?? "created";
  }

  #statusEvents(execution: ScriptedExecution, { limit, ...more }: Record<string, string>): Response {
    if (!limit || Object.keys(more).length) return this.#refuse(400, "status-events without limit");
    const { counter, looksWithoutSsh = 0, ssh } = execution;
    const looks = (this.#eventLooks.get(counter) ?? 0) + 1;
    this.#eventLooks.set(counter, looks);
    const events = [{ stream: "status", time: "2026-03-01T12:00:00.000000", message: "Starting job on i-0abc" }];
    if (ssh && looks > looksWithoutSsh) {
      events.push({ stream: "status", time: "2026-03-01T12:00:05.000000", message: `::ssh::${JSON.stringify(ssh)}` });
    }
    return json({ total: events.length, status_events: events.slice(0, Number(limit)) });
  }

  #events(execution: ScriptedExecution, { limit, ...more }: Record<string, string>): Response {
    if (!limit || Object.keys(more).length) return this.#refuse(400, "events without limit");
    const log = execution.log ?? [];
    // A line more at each look, so that following means something.
    const shown = log.slice(0, Math.max(1, this.#looks.get(execution.counter) ?? 1));
    const ended = /complete|error|crashed|stopped/.test(this.#status(execution));
    const events = (ended ? log : shown).map((message, index) => ({
      stream: "stdout",
      time: `2026-03-01T12:00:${String(index).padStart(2, "0")}.000000`,
      message,
    }));
    return json({
      events: events.slice(-Number(limit)),
      total: events.length,
      truncated: events.length > Number(limit),
    });
  }

  #stop({ counter }: ScriptedExecution, body: unknown): Response {
    if (body !== undefined) return this.#refuse(400, "stop with a body");
    this.#stopped.add(counter);
    return json({ status: "stopping" });
  }

  #refuse(status: number, why: string): Response {
    this.violations.push(why);
    return json({ detail: why }, status);
  }

  get #projectId(): string {
    return this.options.projectId ?? PROJECT_ID;
  }
}

function interfere(interference: Exclude<Interference, { kind: "none" }>): Response {
  switch (interference.kind) {
    case "redirect":
      return new Response(null, { status: 302, headers: { location: interference.location } });
    case "page":
      return new Response(interference.html, { headers: { "content-type": "text/html" } });
    case "status":
      return Response.json(interference.body ?? { detail: "no" }, {
        status: interference.status,
        headers: interference.headers ?? {},
      });
  }
}

function json(value: unknown, status = 200): Response {
  return Response.json(value, { status });
}

/** The project that {@link startValohaiServer} has unless told otherwise. */
export const VALOHAI_PROJECT_ID = PROJECT_ID;
/** The token that it takes unless told otherwise. */
export const VALOHAI_TOKEN = "valid-token-0123456789";
