import assert from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "../../src/base/errors.ts";
import { ValohaiProvider } from "../../src/providers/valohai/valohai_provider.ts";
import type { ResolveState } from "../../src/targets/resolve_state.ts";
import {
  startValohaiServer,
  VALOHAI_PROJECT_ID,
  VALOHAI_TOKEN,
  type ValohaiServer,
  type ValohaiServerOptions,
} from "../support/valohai_server.ts";

interface Stage extends AsyncDisposable {
  readonly server: ValohaiServer;
  readonly home: string;
  readonly slept: number[];
  readonly provider: ValohaiProvider;
  withEnv(env: Record<string, string>): ValohaiProvider;
}

/** A server, a home and a provider between them whose clock does not run. */
async function stage(options: ValohaiServerOptions = {}, env: Record<string, string> = {}): Promise<Stage> {
  const server = startValohaiServer(options);
  const home = await Deno.makeTempDir();
  const slept: number[] = [];
  const withEnv = (more: Record<string, string>) =>
    new ValohaiProvider({
      env: {
        HOME: home,
        PORTHOLE_HOME: join(home, ".porthole"),
        VALOHAI_HOST: server.origin,
        VALOHAI_TOKEN,
        VALOHAI_PROJECT: VALOHAI_PROJECT_ID,
        ...more,
      },
      cwd: home,
      sleep: (ms) => {
        slept.push(ms);
        return Promise.resolve();
      },
      random: () => 0.5,
    });
  return {
    server,
    home,
    slept,
    provider: withEnv(env),
    withEnv,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
}

async function failure(promise: Promise<unknown>): Promise<AppError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return error;
  }
  throw new Error("It was to fail and did not");
}

async function states(provider: ValohaiProvider, runName: string): Promise<ResolveState[]> {
  return await Array.fromAsync(provider.resolve({ runName, actionName: "a0" }, { pollIntervalMs: 3000 }));
}

const SSH = { address: "52.214.159.193", port: 2222 };
const RUN = { actionName: "a0" };

Deno.test("resolve waits through created and queued, then reads the SSH details", async () => {
  await using at = await stage({
    executions: [{
      counter: 12,
      script: [{ status: "created" }, { status: "queued", looks: 2 }, { status: "started" }],
      looksWithoutSsh: 2,
      ssh: SSH,
    }],
  });
  const seen = await states(at.provider, "12");
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
    attempt: 0,
    user: "root",
    dialPatienceMs: 30_000,
  });
  assert.deepEqual(at.slept, [3000, 3000, 3000, 4000, 4000]);
  assert.deepEqual(at.server.violations, []);
});

Deno.test("resolve of latest stays with the execution that was the latest when it was asked", async () => {
  await using at = await stage({
    executions: [
      { counter: 3, script: [{ status: "complete" }] },
      { counter: 4, script: [{ status: "queued" }, { status: "started" }], ssh: { ...SSH, port: "2222" } },
    ],
  });
  const last = (await states(at.provider, "latest")).at(-1);
  assert.ok(last?.kind === "ready");
  assert.equal(last.resolved.runName, "4");
  assert.ok(at.server.requests.some(({ path }) => path.includes(":4/?exclude=metadata,events")));
});

Deno.test("resolve says how to start an execution that was started without SSH", async () => {
  await using at = await stage({ executions: [{ counter: 5, script: [{ status: "started" }], step: "train model" }] });
  const error = await failure(states(at.provider, "#5"));
  assert.equal(error.code, "route_not_ready");
  assert.equal(error.message, "Execution #5 runs, but tells of no SSH server: it was not started with SSH");
  assert.equal(
    error.hint,
    "Start it so: porthole launch --on valohai --step 'train model' --debug-port 2222",
  );
  assert.equal(at.slept.length, 5);
  assert.ok(at.slept.every((ms) => ms >= 1000 && ms <= 7000));
});

for (const status of ["complete", "error", "crashed", "stopping", "stopped"]) {
  Deno.test(`resolve fails with run_ended for an execution that is ${status}`, async () => {
    await using at = await stage({
      executions: [{ counter: 7, script: [{ status: "queued" }, { status }], ssh: SSH }],
    });
    const error = await failure(states(at.provider, "7"));
    assert.equal(error.code, "run_ended");
    assert.match(error.message, new RegExp(`^Execution #7 is ${status}\\. Cannot SSH into it\\.`));
    assert.match(error.message, /Starting job on i-0abc/);
    assert.match(error.hint ?? "", /sleep 1h.*--hold/);
  });
}

Deno.test("resolve notices an execution that ends while it looks for the SSH details", async () => {
  await using at = await stage({
    executions: [{ counter: 8, script: [{ status: "started", looks: 2 }, { status: "complete" }] }],
  });
  assert.equal((await failure(states(at.provider, "8"))).code, "run_ended");
});

Deno.test("resolve stops waiting when its signal aborts", async () => {
  await using at = await stage({ executions: [{ counter: 9, script: [{ status: "queued" }] }] });
  const controller = new AbortController();
  const following = at.provider.resolve({ runName: "9", ...RUN }, { pollIntervalMs: 1, signal: controller.signal });
  await following.next();
  controller.abort();
  await assert.rejects(following.next(), { name: "AbortError" });
});

Deno.test("resolve names an execution that is not there", async () => {
  await using at = await stage({ executions: [{ counter: 1, script: [{ status: "started" }] }] });
  const error = await failure(states(at.provider, "99"));
  assert.equal(error.code, "not_found");
  assert.equal(error.message, "Cannot find execution #99: Valohai does not know it: Not found.");
});

Deno.test("launch sends what the contract asks for, with the public key of a fresh pair", async () => {
  await using at = await stage();
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
  await using at = await stage();
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
  await using at = await stage();
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
  await using at = await stage();
  const error = await failure(at.provider.launch({ command: [], env: {}, options: { step: "no-such-step" } }));
  assert.equal(error.code, "provider_failed");
  assert.equal(
    error.message,
    'Cannot launch the step "no-such-step": Valohai refused it with 400: step: Step "no-such-step" does not exist in the commit.',
  );
  assert.equal(at.server.requests.filter(({ method }) => method === "POST").length, 1);
});

Deno.test("a launched execution resolves to the private key that it was launched with", async () => {
  await using at = await stage({ executions: [{ counter: 1, script: [{ status: "started" }], ssh: SSH }] });
  const home = join(at.home, ".porthole");
  await at.provider.launch({ command: [], env: {}, options: { step: "train" } });
  const publicKey = (await Deno.readTextFile(join(home, "id_ed25519.pub"))).trim();
  await using other = await stage({
    executions: [{ counter: 6, script: [{ status: "started" }], ssh: SSH, debugKey: publicKey }],
  });
  const provider = other.withEnv({ PORTHOLE_HOME: home });
  const last = (await states(provider, "6")).at(-1);
  assert.ok(last?.kind === "ready");
  assert.equal(last.resolved.identityFile, join(home, "id_ed25519"));
});

Deno.test("list yields executions newest first with the project given by its name", async () => {
  await using at = await stage({
    executions: [{ counter: 1, script: [{ status: "complete" }] }, { counter: 2, script: [{ status: "started" }] }],
  }, { VALOHAI_PROJECT: "Digits" });
  const runs = await Array.fromAsync(at.provider.list({}));
  assert.deepEqual(runs.map(({ name, phase }) => `${name} ${phase}`), ["2 started", "1 complete"]);
  assert.deepEqual(at.server.violations, []);
});

Deno.test("stop posts to the stop address once, and leaves an ended execution alone", async () => {
  await using at = await stage({
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
  await using at = await stage({
    executions: [{
      counter: 2,
      script: [{ status: "started", looks: 3 }, { status: "complete" }],
      log: ["one", "two", "two", "three", "four"],
    }],
  });
  const lines = await Array.fromAsync(at.provider.logs({ runName: "2", ...RUN }, { follow: true }));
  assert.deepEqual(lines, ["one", "two", "two", "three", "four"]);
});

Deno.test("a refused log-in names where it came from and never tells it", async () => {
  await using at = await stage({ token: "another-token-0123456789" });
  const error = await failure(states(at.provider, "1"));
  assert.equal(error.code, "auth_denied");
  assert.equal(
    error.message,
    "Cannot find execution #1: Valohai does not accept the log-in of VALOHAI_TOKEN: Invalid token.",
  );
  assert.ok(!`${error.stack}${JSON.stringify(error)}`.includes(VALOHAI_TOKEN));
});

Deno.test("a redirect to a log-in page elsewhere is named and not followed, and the token stays here", async () => {
  await using elsewhere = startValohaiServer();
  await using at = await stage({
    interferences: [{ kind: "redirect", location: `${elsewhere.origin}/accounts/login/?next=/` }],
  });
  const error = await failure(states(at.provider, "1"));
  assert.equal(error.code, "redirected");
  assert.match(error.message, /leads to ".*\/accounts\/login\/\?next=.*", a log-in page, instead of answering/);
  assert.deepEqual(elsewhere.requests, []);
});

Deno.test("a redirect inside the host is followed", async () => {
  await using at = await stage({
    executions: [{ counter: 1, script: [{ status: "started" }], ssh: SSH }],
    interferences: [{
      kind: "redirect",
      location: `/api/v0/executions/${VALOHAI_PROJECT_ID}:1/?exclude=metadata,events&`,
    }],
  });
  assert.equal((await states(at.provider, "1")).at(-1)?.kind, "ready");
});

Deno.test("a web page in place of JSON is named", async () => {
  const html = "<!doctype html><html><head><title>Log in | Valohai</title></head></html>";
  await using at = await stage({ interferences: [{ kind: "page", html }] });
  const error = await failure(states(at.provider, "1"));
  assert.equal(error.code, "provider_failed");
  assert.match(error.message, /answered with a log-in page \("Log in \| Valohai"\) in place of JSON$/);
});

Deno.test("a GET is tried again on 503 and 429, as long as Retry-After asks", async () => {
  await using at = await stage({
    executions: [{ counter: 1, script: [{ status: "started" }], ssh: SSH }],
    interferences: [
      { kind: "status", status: 503 },
      { kind: "status", status: 429, headers: { "retry-after": "7" } },
    ],
  });
  assert.equal((await states(at.provider, "1")).at(-1)?.kind, "ready");
  assert.deepEqual(at.slept, [500, 7000]);
});

Deno.test("an execution whose address names another host is not followed there", async () => {
  await using elsewhere = startValohaiServer();
  await using at = await stage({
    executions: [{
      counter: 1,
      script: [{ status: "started" }],
      ssh: SSH,
      url: `${elsewhere.origin.replace("127.0.0.1", "localhost")}/api/v0/executions/exec-1/`,
    }],
  });
  const error = await failure(states(at.provider, "1"));
  assert.equal(error.code, "provider_failed");
  assert.match(error.message, /the log-in is not sent to another host$/);
  assert.deepEqual(elsewhere.requests, []);
});

Deno.test("explain turns a refused connection into the firewall rules, with the caller's own address", async () => {
  await using at = await stage({ executions: [{ counter: 3, script: [{ status: "started" }], ssh: SSH }] });
  const refused = new AppError("dial_failed", 'Cannot dial "127.0.0.1:2222": connection refused');
  const route = { kind: "tcp", host: "127.0.0.1", port: 2222 } as const;
  const error = await at.provider.explain(refused, { runName: "3", ...RUN, route });
  assert.equal(error.code, "dial_failed");
  assert.equal(error.message, "Cannot reach execution #3 at 127.0.0.1:2222: the connection was refused");
  for (
    const part of [
      "aws ec2 authorize-security-group-ingress",
      "valohai-fr-worker-ssh",
      "AllowValohaiSSH",
      "127.0.0.1/32",
    ]
  ) {
    assert.ok(error.hint?.includes(part), part);
  }
  assert.ok(!error.hint?.includes("0.0.0.0/0"));
});

Deno.test("explain says that the execution ended meanwhile, whatever the dial said", async () => {
  await using at = await stage({ executions: [{ counter: 3, script: [{ status: "complete" }], ssh: SSH }] });
  const error = await at.provider.explain(new AppError("dial_failed", "timed out"), {
    runName: "3",
    ...RUN,
    route: { kind: "tcp", host: "127.0.0.1", port: 2222 },
  });
  assert.equal(error.code, "run_ended");
});

Deno.test("explain tells which key the execution has and which was offered", async () => {
  await using at = await stage({ executions: [{ counter: 3, script: [{ status: "started" }], ssh: SSH }] });
  await at.provider.launch({ command: [], env: {}, options: { step: "train" } });
  const identity = join(at.home, ".porthole", "id_ed25519");
  const error = await at.provider.explain(new AppError("auth_denied", "Permission denied"), {
    runName: "4",
    ...RUN,
    route: { kind: "tcp", host: "127.0.0.1", port: 2222 },
    offeredIdentityFile: identity,
  });
  assert.equal(error.code, "auth_denied");
  assert.match(
    error.message,
    /^Execution #4 does not let this key in: it has ssh-ed25519 SHA256:\S+ \(.*\); offered was ssh-ed25519 SHA256:\S+ \(.*\) from /,
  );
});

Deno.test("explain leaves alone what is not about the way to the execution", async () => {
  await using at = await stage();
  const error = new AppError("not_found", "Cannot find execution #9");
  assert.equal(await at.provider.explain(error, { runName: "9", ...RUN }), error);
  const denied = new AppError("auth_denied", "no log-in");
  assert.equal(await at.provider.explain(denied, { runName: "9", ...RUN }), denied);
  assert.deepEqual(at.server.requests, []);
});
