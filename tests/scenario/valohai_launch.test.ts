import assert from "node:assert/strict";
import { join } from "node:path";
import { VALOHAI_PROJECT_ID } from "../support/valohai_server.ts";
import { failure, resolveStates, stageValohai } from "../support/valohai_stage.ts";

const SSH = { address: "52.214.159.193", port: 2222 };

Deno.test("launch sends what the contract asks for, with the public key of a fresh pair", async () => {
  await using at = await stageValohai();
  const run = await at.provider.launch({
    command: [],
    env: { EPOCHS_DIR: "/tmp/x" },
    options: {
      step: "train",
      environment: "aws-eu-west-1-g4dn-xlarge",
      image: "python:3.12",
      title: "night run",
      param: ["epochs=5", "rate=1e-4", "shuffle=true", "name=007", 'text="5"', "layer=1", "layer=2"],
      input: ["data=s3://b/a.csv", "data=s3://b/b.csv"],
      tag: ["debug"],
      "debug-port": 2022,
    },
  });
  assert.deepEqual({ name: run.name, phase: run.phase, command: run.command }, {
    name: "1",
    phase: "created",
    command: "train",
  });
  const sent = at.server.requests.find(({ method }) => method === "POST");
  const publicKey = (await Deno.readTextFile(join(at.home, ".porthole", "id_ed25519.pub"))).trim();
  assert.deepEqual(sent?.body, {
    project: VALOHAI_PROJECT_ID,
    commit: "c0ffee",
    step: "train",
    environment: "aws-eu-west-1-g4dn-xlarge",
    image: "python:3.12",
    title: "night run",
    inputs: { data: ["s3://b/a.csv", "s3://b/b.csv"] },
    parameters: { epochs: 5, rate: 0.0001, shuffle: true, name: "007", text: "5", layer: [1, 2] },
    environment_variables: { EPOCHS_DIR: "/tmp/x" },
    tags: ["debug"],
    runtime_config: { remote_debug: { debug_port: 2022, debug_key: publicKey } },
  });
  assert.deepEqual(at.server.violations, []);
});

Deno.test("launch sends nothing when it would send a private key", async () => {
  await using at = await stageValohai();
  const key = join(at.home, "id");
  await Deno.writeTextFile(
    key,
    "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LXNlY3JldA==\n-----END OPENSSH PRIVATE KEY-----\n",
  );
  const error = await failure(
    at.provider.launch({ command: [], env: {}, options: { step: "train", "debug-key-file": key } }),
  );
  assert.equal(error.code, "key_invalid");
  assert.match(error.message, /it holds a private key, which stays here$/);
  assert.ok(!JSON.stringify(error).includes("c2VjcmV0"));
  assert.deepEqual(at.server.requests, []);
});

Deno.test("launch sends nothing for a port below 1024", async () => {
  await using at = await stageValohai();
  for (const port of [1023, 22, 0, 65_536]) {
    const error = await failure(
      at.provider.launch({ command: [], env: {}, options: { step: "train", "debug-port": port } }),
    );
    assert.equal(error.code, "usage");
    assert.equal(error.message, `Cannot use --debug-port ${port}: Valohai needs a port from 1024 to 65535`);
  }
  assert.deepEqual(at.server.requests, []);
});

Deno.test("launch tells what Valohai refused in Valohai's own words, and asks once", async () => {
  await using at = await stageValohai();
  const error = await failure(at.provider.launch({ command: [], env: {}, options: { step: "no-such-step" } }));
  assert.equal(error.code, "provider_failed");
  assert.equal(
    error.message,
    'Cannot launch the step "no-such-step": Valohai refused it with 400: step: Step "no-such-step" does not exist in the commit.',
  );
  assert.equal(
    error.hint,
    "The names are those of valohai.yaml in the commit c0ffee: --commit ID takes another one, --param and --input what the step knows",
  );
  assert.equal(at.server.requests.filter(({ method }) => method === "POST").length, 1);
});

Deno.test("a launched execution resolves to the private key that it was launched with", async () => {
  await using at = await stageValohai({ executions: [{ counter: 1, script: [{ status: "started" }], ssh: SSH }] });
  const home = join(at.home, ".porthole");
  await at.provider.launch({ command: [], env: {}, options: { step: "train" } });
  const publicKey = (await Deno.readTextFile(join(home, "id_ed25519.pub"))).trim();
  await using other = await stageValohai({
    executions: [{ counter: 6, script: [{ status: "started" }], ssh: SSH, debugKey: publicKey }],
  });
  const provider = other.withEnv({ PORTHOLE_HOME: home });
  const last = (await resolveStates(provider, "6")).at(-1);
  assert.ok(last?.kind === "ready");
  assert.equal(last.resolved.identityFile, join(home, "id_ed25519"));
});
