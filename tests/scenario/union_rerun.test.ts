import assert from "node:assert/strict";
import type { LaunchRequest } from "../../src/providers/provider.ts";
import { makeUnionFixture, ROBOT } from "../support/union_client.ts";
import { attempt, failureOf, openProvider as open, PUBLIC_KEY } from "../support/union_provider.ts";
import { aRun, PLACE } from "../support/union_server.ts";

const SOURCE = aRun("source", {
  looks: { a0: [attempt("SUCCEEDED")] },
  runSpec: {
    labels: { values: { team: "x" } },
    envs: { values: [{ key: "KEEP", value: "1" }, { key: "CHANGE", value: "old" }] },
    interruptible: true,
  },
  taskSpec: { taskTemplate: { id: { name: "train" }, custom: { unknown: ["kept"] } } },
  inputs: { literals: [{ name: "x", value: { scalar: { primitive: { integer: "7" } } } }] },
});

function request(options: Partial<LaunchRequest> = {}): LaunchRequest {
  return { command: [], env: {}, options: { rerun: "source" }, ...options };
}

Deno.test("a rerun keeps specification and inputs, adds the environment and says where it comes from", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(SOURCE);
  using provider = await open(fixture);
  const run = await provider.launch(request({ env: { CHANGE: "new" } }), {});
  assert.match(run.name, /^ssh-source-[0-9a-f]{8}$/);
  assert.equal(run.phase, "QUEUED");
  assert.deepEqual(fixture.server.created, [{
    runId: { ...PLACE, name: run.name },
    taskSpec: SOURCE.taskSpec,
    offloadedInputData: { uri: "s3://bucket/inputs.pb", inputsHash: "abc" },
    runSpec: {
      ...SOURCE.runSpec,
      envs: {
        values: [
          { key: "KEEP", value: "1" },
          { key: "CHANGE", value: "new" },
          { key: "_F_E_SSH", value: "1" },
          { key: "_F_E_VS", value: "1" },
          { key: "_F_SSH_PK", value: PUBLIC_KEY },
        ],
      },
      relation: { relatedTo: { ...PLACE, name: "source" }, relationType: "RELATION_TYPE_RERUN" },
    },
    source: "RUN_SOURCE_CLI",
  }]);
  assert.deepEqual(fixture.server.uploads[0]?.inputs, SOURCE.inputs);
});

Deno.test("the same command finds the run that it started, and starts another once that has ended", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(SOURCE);
  using provider = await open(fixture);
  const first = await provider.launch(request(), {});
  assert.equal((await provider.launch(request(), {})).name, first.name);
  assert.equal(fixture.server.created.length, 1);
  fixture.server.runs.get(first.name)?.looks.a0?.splice(0, 1, attempt("SUCCEEDED"));
  const next = await provider.launch(request(), {});
  assert.equal(next.name, `${first.name}-2`);
  assert.equal((await provider.launch(request(), {})).name, next.name);
});

Deno.test("two people who rerun one run get runs of their own", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(SOURCE);
  using mine = await open(fixture);
  using theirs = await open(fixture, { publicKey: "ssh-ed25519 BBBB bob@there" });
  assert.notEqual((await mine.launch(request(), {})).name, (await theirs.launch(request(), {})).name);
});

Deno.test("a named rerun is found again, refused with another key, and refused once it has ended", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  fixture.server.addRun(SOURCE);
  using mine = await open(fixture);
  using theirs = await open(fixture, { publicKey: "ssh-ed25519 BBBB bob@there" });
  const named = request({ name: "debug-me" });
  assert.equal((await mine.launch(named, {})).name, "debug-me");
  assert.equal((await mine.launch(named, {})).name, "debug-me");
  const error = await failureOf(theirs.launch(named, {}));
  assert.equal(error.code, "already_exists");
  assert.match(error.message, /with another SSH key$/);
  fixture.server.runs.get("debug-me")?.looks.a0?.splice(0, 1, attempt("FAILED"));
  assert.match((await failureOf(mine.launch(named, {}))).message, /that run ended as FAILED$/);
});

Deno.test("an action of a run is run again as the root of a new one", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  const child = { ...attempt("FAILED"), task: { taskTemplate: { id: { name: "child" } } } };
  fixture.server.addRun({ ...SOURCE, looks: { a0: [attempt("FAILED")], a3: [child] } });
  using provider = await open(fixture);
  await provider.launch(request({ options: { rerun: "source", action: "a3" } }), {});
  assert.deepEqual(fixture.server.created[0]?.taskSpec, child.task);
});

Deno.test("what a launch cannot do there is an error, and nothing is sent", async () => {
  await using fixture = await makeUnionFixture({ admin: ROBOT });
  using provider = await open(fixture);
  const refused = [
    request({ command: ["python", "x.py"] }),
    request({ options: {} }),
    request({ options: { rerun: "source", step: "train" } }),
  ];
  for (const each of refused) assert.equal((await failureOf(provider.launch(each, {}))).code, "usage");
  assert.equal(fixture.server.seen.length, 0);
});
