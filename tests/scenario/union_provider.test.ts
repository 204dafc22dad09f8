import assert from "node:assert/strict";
import { AppError } from "../../src/base/errors.ts";
import type { ResolveState } from "../../src/targets/resolve_state.ts";
import { makeUnionFixture, ROBOT } from "../support/union_client.ts";
import { attempt, failureOf, openProvider as open, PUBLIC_KEY } from "../support/union_provider.ts";
import { aRun } from "../support/union_server.ts";

const URI = "/dataplane/pod/v1/generated_name/6060/task/proj/development/r1/a0/0/c/ns/p/d/t/v/pod/";
const IDE = { uri: URI, name: "VS Code Debugger", linkType: "IDE" };

async function collect(states: AsyncIterable<ResolveState>): Promise<ResolveState[]> {
  return await Array.fromAsync(states);
}

const RUN = { runName: "r1", actionName: "a0" };

Deno.test("a slow start is followed with phase and cluster event until the IDE link is ready", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  const event = (message: string) => ({ clusterEvents: [{ occurredAt: "2026-11-20T10:00:00Z", message }] });
  fixture.server.addRun(aRun("r1", {
    looks: {
      a0: [
        { status: { phase: "ACTION_PHASE_QUEUED" } },
        attempt("WAITING_FOR_RESOURCES", event("0/3 nodes are available")),
        attempt("INITIALIZING", { logInfo: [{ ...IDE, ready: true }], ...event("Pulling image") }),
        attempt("RUNNING", { logInfo: [{ ...IDE, ready: false }], ...event("Vscode server is not ready") }),
        attempt("RUNNING", { logInfo: [{ ...IDE, ready: true }], ...event("Vscode server is ready") }),
      ],
    },
  }));
  using provider = await open(fixture);
  const states = await collect(provider.resolve(RUN, { pollIntervalMs: 3000 }));
  assert.deepEqual(states.slice(0, -1), [
    { kind: "waiting", phase: "QUEUED" },
    { kind: "waiting", phase: "WAITING_FOR_RESOURCES", message: "0/3 nodes are available" },
    { kind: "waiting", phase: "INITIALIZING", message: "Pulling image" },
    { kind: "waiting", phase: "RUNNING", message: "Vscode server is not ready" },
  ]);
  const host = new URL(fixture.server.endpoint).host;
  assert.deepEqual(states.at(-1), {
    kind: "ready",
    phase: "RUNNING",
    message: "Vscode server is ready",
    resolved: {
      route: { kind: "websocket", url: `ws://${host}${URI}` },
      runName: "r1",
      actionName: "a0",
      attempt: 1,
      identityFile: "/home/ann/.flyte/ssh-debug/id_ed25519",
      credential: {
        provider: "union",
        endpoint: fixture.server.endpoint,
        tokenKey: `${host.replace(":", "_")}@robot`,
        config: `${fixture.home.path}/.flyte/config.yaml`,
      },
    },
  });
  assert.deepEqual(fixture.sleeps, [3000, 3000, 3000, 3000]);
});

Deno.test("a failed pod ends the wait at once with the platform's message", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  const errorInfo = { message: "Traceback:\n  File x\n\u001b[31mValueError: no such image\n", kind: "KIND_USER" };
  fixture.server.addRun(aRun("r1", { looks: { a0: [attempt("QUEUED"), attempt("FAILED", { errorInfo })] } }));
  using provider = await open(fixture);
  const error = await failureOf(collect(provider.resolve(RUN, { pollIntervalMs: 1000 })));
  assert.equal(error.code, "run_ended");
  assert.equal(
    error.message,
    'The run "r1" (a0) ended as FAILED: Traceback: | File x | \\x1b[31mValueError: no such image',
  );
  assert.equal(error.details?.platformMessage, errorInfo.message);
});

Deno.test("a wait that is cancelled stops asking", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(aRun("r1", { looks: { a0: [attempt("QUEUED")] } }));
  using provider = await open(fixture);
  const cancel = new AbortController();
  const states = provider.resolve(RUN, { pollIntervalMs: 1000, signal: cancel.signal })[Symbol.asyncIterator]();
  await states.next();
  cancel.abort();
  assert.equal((await failureOf(states.next())).name, "AbortError");
});

Deno.test("runs are listed newest first, over pages", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  for (const name of ["r1", "r2", "r3"]) fixture.server.addRun(aRun(name));
  using provider = await open(fixture);
  const runs = await Array.fromAsync(provider.list({}));
  assert.deepEqual(runs.map(({ name, phase }) => `${name} ${phase}`), ["r3 RUNNING", "r2 RUNNING", "r1 RUNNING"]);
  assert.equal(runs[0]?.startedAt?.toISOString(), "2026-11-20T10:00:00.123Z");
});

Deno.test("a run is stopped by its name", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(aRun("r1"));
  using provider = await open(fixture);
  await provider.stop(RUN, {});
  assert.deepEqual(fixture.server.aborted, ["r1"]);
  assert.equal((await failureOf(provider.stop({ ...RUN, runName: "nope" }, {}))).code, "not_found");
});

Deno.test("the log of the newest attempt comes line by line", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(
    aRun("r1", { looks: { a0: [attempt("RUNNING")] }, logBatches: [["one\n", "two"], [], ["drei é"]] }),
  );
  using provider = await open(fixture);
  assert.deepEqual(await Array.fromAsync(provider.logs(RUN, { follow: true })), ["one", "two", "drei é"]);
  assert.deepEqual(await Array.fromAsync(provider.logs(RUN, { follow: false })), ["one", "two", "drei é"]);
  const [{ body } = assert.fail("not called")] = fixture.server.calls("DataProxyService/TailLogs");
  assert.match(body, /"attempt":1/);
});

Deno.test("the log of a run that has not begun says so", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(aRun("r1", { looks: { a0: [{ status: { phase: "ACTION_PHASE_QUEUED" } }] } }));
  using provider = await open(fixture);
  const error = await failureOf(Array.fromAsync(provider.logs(RUN, { follow: false })));
  assert.equal(error.message, 'The run "r1" has no log yet: it is QUEUED');
});

Deno.test("a configuration without project or domain says which key is missing", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  await fixture.configure(ROBOT, { org: "acme", domain: "development" });
  using provider = await open(fixture);
  const error = await failureOf(provider.stop(RUN, {}));
  assert.equal(error.message, "Cannot tell which run is meant: the configuration has no task.project");
  assert.match(error.hint ?? "", /FLYTE_TASK_PROJECT/);
});

Deno.test("a route reached with an API key names that key, not the person's log-in", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(aRun("r1", { looks: { a0: [attempt("RUNNING", { logInfo: [{ ...IDE, ready: true }] })] } }));
  using provider = await open(fixture, { useApiKey: true });
  const [state] = await collect(provider.resolve(RUN, { pollIntervalMs: 1000 }));
  const credential = state?.kind === "ready" ? state.resolved.credential : undefined;
  assert.equal(credential?.apiKey, "flyte-ssh-debug");
  assert.match(credential?.tokenKey ?? "", /@flyte-ssh-debug$/);
});

Deno.test("a dial that failed because the run has ended meanwhile says so", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(
    aRun("r1", { looks: { a0: [{ status: { phase: "ACTION_PHASE_ABORTED" }, abortInfo: { reason: "by Bob" } }] } }),
  );
  fixture.server.addRun(aRun("alive", { looks: { a0: [attempt("RUNNING")] } }));
  using provider = await open(fixture);
  const silence = new AppError("timeout", "Cannot reach it", { details: { lastState: "RUNNING" } });
  const ended = await provider.explain?.(silence, RUN);
  assert.equal(ended?.message, 'The run "r1" (a0) ended as ABORTED: by Bob');
  assert.equal(ended?.cause, silence);
  const withoutWayIn = await provider.explain?.(silence, { ...RUN, runName: "alive" });
  assert.deepEqual([withoutWayIn?.code, withoutWayIn?.message, withoutWayIn?.hint], [
    "timeout",
    "Cannot reach it",
    "If it was started without SSH: porthole launch --on union --rerun alive; else porthole logs --on union alive",
  ]);
  fixture.server.addRun(aRun("slow", { looks: { a0: [attempt("INITIALIZING")] } }));
  assert.match(
    (await provider.explain?.(silence, { ...RUN, runName: "slow" }))?.hint ?? "",
    /^porthole connect --on union --timeout 15m slow waits longer; porthole logs --on union slow/,
  );
  assert.equal(await provider.explain?.(silence, { ...RUN, runName: "unknown" }), silence);
});

Deno.test("a log-in that the pod refused tells which key the run was started with", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  const values = [{ key: "_F_SSH_PK", value: PUBLIC_KEY }];
  fixture.server.addRun(aRun("r1", { runSpec: { envs: { values } } }));
  using provider = await open(fixture);
  const file = `${fixture.home.path}/id`;
  await Deno.writeTextFile(
    `${file}.pub`,
    PUBLIC_KEY.replaceAll("H", "K"),
  );
  const denied = new AppError("auth_denied", "Permission denied (publickey)");
  const told = await provider.explain?.(denied, { ...RUN, offeredIdentityFile: file });
  assert.match(told?.message ?? "", /^The run "r1" lets in the key SHA256:\S+; ".*id" is SHA256:\S+$/);
});

Deno.test("with a stored API key a run is reached though the log-in has ended, and nobody is asked", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(aRun("r1", { looks: { a0: [attempt("RUNNING", { logInfo: [{ ...IDE, ready: true }] })] } }));
  {
    using provider = await open(fixture, { useApiKey: true });
    await collect(provider.resolve(RUN, { pollIntervalMs: 1000 }));
  }
  await fixture.configure({ authType: "Pkce" });
  using provider = await open(fixture, { useApiKey: true });
  const [state] = await collect(provider.resolve(RUN, { pollIntervalMs: 1000 }));
  assert.equal(state?.kind === "ready" && state.resolved.credential?.apiKey, "flyte-ssh-debug");
  using without = await open(fixture);
  const error = await failureOf(collect(without.resolve(RUN, { pollIntervalMs: 1000 })));
  assert.equal(error.hint, "porthole auth login");
});
