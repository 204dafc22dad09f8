import assert from "node:assert/strict";
import { failure, resolveStates, stageValohai } from "../support/valohai_stage.ts";

const SSH = { address: "52.214.159.193", port: 2222 };
const RUN = { actionName: "a0" };
const VALID_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF3qVKqHYPZsV7RtBDnVo/Cxwhb3dojgNN80H7iFhxjc job";

Deno.test("resolve waits through created and queued, then reads the SSH details", async () => {
  await using at = await stageValohai({
    executions: [{
      counter: 12,
      script: [{ status: "created" }, { status: "queued", looks: 2 }, { status: "started" }],
      looksWithoutSsh: 2,
      ssh: SSH,
    }],
  });
  const seen = await resolveStates(at.provider, "12");
  assert.deepEqual(seen.map((state) => state.kind === "waiting" ? state.phase : state.kind), [
    "created",
    "queued",
    "queued",
    "started",
    "started",
    "ready",
  ]);
  const last = seen.at(-1);
  assert.ok(last?.kind === "ready");
  assert.deepEqual(last.resolved, {
    route: { kind: "tcp", host: "52.214.159.193", port: 2222 },
    runName: "12",
    actionName: "exec-12",
    alias: "valohai-12",
    attempt: 0,
    user: "root",
    dialPatienceMs: 30_000,
  });
  assert.deepEqual(at.slept, [3000, 3000, 3000, 4000, 4000]);
  assert.deepEqual(at.server.violations, []);
});

Deno.test("resolve of latest stays with the execution that was the latest when it was asked", async () => {
  await using at = await stageValohai({
    executions: [
      { counter: 3, script: [{ status: "complete" }] },
      { counter: 4, script: [{ status: "queued" }, { status: "started" }], ssh: { ...SSH, port: "2222" } },
    ],
  });
  const last = (await resolveStates(at.provider, "latest")).at(-1);
  assert.ok(last?.kind === "ready");
  assert.equal(last.resolved.runName, "4");
  assert.ok(at.server.requests.some(({ path }) => path.includes(":4/?exclude=metadata,events")));
});

Deno.test("resolve says how to start an execution that was started without SSH", async () => {
  await using at = await stageValohai({
    executions: [{ counter: 5, script: [{ status: "started" }], step: "train model" }],
  });
  const error = await failure(resolveStates(at.provider, "#5"));
  assert.equal(error.code, "route_not_ready");
  assert.equal(error.message, "Execution #5 runs, but tells of no SSH server: it was not started with SSH");
  assert.equal(
    error.hint,
    "Start it so: porthole launch --on valohai --step 'train model' --debug-port 2222",
  );
  assert.equal(at.slept.length, 5);
  assert.ok(at.slept.every((ms) => ms >= 1000 && ms <= 7000));
});

Deno.test("resolve does not say that an execution has no SSH when it was started with a key", async () => {
  await using at = await stageValohai({
    executions: [
      { counter: 5, script: [{ status: "started" }], debugKey: VALID_KEY },
      { counter: 6, script: [{ status: "started" }], debugKey: "-----BEGIN OPENSSH PRIVATE KEY-----" },
    ],
  });
  const late = await failure(resolveStates(at.provider, "5"));
  assert.equal(
    late.message,
    "Execution #5 runs, but tells of no SSH server: it was started with SSH, so that it may be late",
  );
  const pasted = await failure(resolveStates(at.provider, "6"));
  assert.equal(
    pasted.message,
    "Execution #6 runs, but tells of no SSH server: what it was given as its key is no public key",
  );
});

for (const status of ["complete", "error", "crashed", "stopping", "stopped"]) {
  Deno.test(`resolve fails with run_ended for an execution that is ${status}`, async () => {
    await using at = await stageValohai({
      executions: [{ counter: 7, script: [{ status: "queued" }, { status }], ssh: SSH }],
    });
    const error = await failure(resolveStates(at.provider, "7"));
    assert.equal(error.code, "run_ended");
    assert.match(error.message, new RegExp(`^Execution #7 is ${status}\\. Cannot SSH into it\\.`));
    assert.match(error.message, /Starting job on i-0abc/);
    assert.match(error.hint ?? "", /sleep 1h.*--hold/);
  });
}

Deno.test("resolve notices an execution that ends while it looks for the SSH details", async () => {
  await using at = await stageValohai({
    executions: [{ counter: 8, script: [{ status: "started", looks: 2 }, { status: "complete" }] }],
  });
  assert.equal((await failure(resolveStates(at.provider, "8"))).code, "run_ended");
});

Deno.test("resolve goes on waiting while the API is out of reach, once the execution was found", async () => {
  await using at = await stageValohai({
    executions: [{ counter: 8, script: [{ status: "queued" }, { status: "started" }], ssh: SSH }],
    // Each look is tried five times.
    interferences: [{ kind: "none" }, ...Array(6).fill({ kind: "status", status: 502 })],
  });
  const seen = await resolveStates(at.provider, "8");
  assert.deepEqual(seen.slice(0, 2).map((state) => state.kind === "waiting" && [state.phase, state.message]), [
    ["queued", "execution #8 waits to be started"],
    ["queued", `Cannot find execution #8: ${new URL(at.server.origin).host} answered 502 Bad Gateway: no`],
  ]);
  assert.equal(seen.at(-1)?.kind, "ready");
});

Deno.test("resolve fails at once for an API that was out of reach from the beginning, and for a token taken back", async () => {
  const down = { kind: "status", status: 502 } as const;
  await using at = await stageValohai({
    executions: [{ counter: 8, script: [{ status: "queued" }] }],
    interferences: [...Array(5).fill(down), { kind: "none" }, { kind: "status", status: 401 }],
  });
  assert.equal((await failure(resolveStates(at.provider, "8"))).code, "provider_failed");
  assert.equal((await failure(resolveStates(at.provider, "8"))).code, "auth_denied");
});

Deno.test("resolve stops waiting when its signal aborts", async () => {
  await using at = await stageValohai({ executions: [{ counter: 9, script: [{ status: "queued" }] }] });
  const controller = new AbortController();
  const following = at.provider.resolve({ runName: "9", ...RUN }, { pollIntervalMs: 1, signal: controller.signal });
  await following.next();
  controller.abort();
  await assert.rejects(following.next(), { name: "AbortError" });
});

Deno.test("resolve names an execution that is not there", async () => {
  await using at = await stageValohai({ executions: [{ counter: 1, script: [{ status: "started" }] }] });
  const error = await failure(resolveStates(at.provider, "99"));
  assert.equal(error.code, "not_found");
  assert.equal(error.message, "Cannot find execution #99: Valohai does not know it: Not found.");
});

Deno.test("an action is refused, since an execution has none", async () => {
  await using at = await stageValohai({ executions: [{ counter: 5, script: [{ status: "started" }] }] });
  const run = { runName: "5", actionName: "a1" };
  const refused = {
    code: "usage",
    message: 'Cannot use the action "a1" on valohai: runs have none there',
    hint: 'Name the run "5" alone',
  };
  await assert.rejects(at.provider.resolve(run, { pollIntervalMs: 1 }).next(), refused);
  await assert.rejects(at.provider.stop(run, {}), refused);
  await assert.rejects(at.provider.logs(run, { follow: false }).next(), refused);
  assert.deepEqual(at.server.requests, []);
});

Deno.test("list yields executions newest first with the project given by its name", async () => {
  await using at = await stageValohai({
    executions: [{ counter: 1, script: [{ status: "complete" }] }, { counter: 2, script: [{ status: "started" }] }],
  }, { VALOHAI_PROJECT: "Digits" });
  const runs = await Array.fromAsync(at.provider.list({}));
  assert.deepEqual(runs.map(({ name, phase }) => `${name} ${phase}`), ["2 started", "1 complete"]);
  assert.deepEqual(at.server.violations, []);
});

Deno.test("stop posts to the stop address once, and leaves an ended execution alone", async () => {
  await using at = await stageValohai({
    executions: [{ counter: 1, script: [{ status: "complete" }] }, { counter: 2, script: [{ status: "started" }] }],
  });
  await at.provider.stop({ runName: "2", ...RUN }, {});
  await at.provider.stop({ runName: "1", ...RUN }, {});
  assert.deepEqual(at.server.requests.filter(({ method }) => method === "POST").map(({ path }) => path), [
    "/api/v0/executions/exec-2/stop/",
  ]);
  assert.deepEqual(at.server.violations, []);
});

Deno.test("logs follows until the execution has ended, each line once", async () => {
  await using at = await stageValohai({
    executions: [{
      counter: 2,
      script: [{ status: "started", looks: 3 }, { status: "complete" }],
      log: ["one", "two", "two", "three", "four"],
    }],
  });
  const lines = await Array.fromAsync(at.provider.logs({ runName: "2", ...RUN }, { follow: true }));
  assert.deepEqual(lines, ["one", "two", "two", "three", "four"]);
});
