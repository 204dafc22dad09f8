import assert from "node:assert/strict";
import { join } from "node:path";
import { TOP } from "../support/compiled.ts";
import { hasProgram } from "../support/programs.ts";
import { startSshd, type TestSshd } from "../support/sshd.ts";
import { makeUnionFixture, ROBOT, ROBOT_ENV, type UnionFixture } from "../support/union_client.ts";
import { aRun, type Json } from "../support/union_server.ts";

const NEEDS_SSHD = !hasProgram("sshd") || !hasProgram("ssh");
const IDE = { uri: "/dataplane/pod/v1/n/6060/task/p/", name: "VS Code Debugger", linkType: "IDE" };

// What hangs ends as a failure that shows what it said.
const CHILD_TIMEOUT_MS = 60_000;

function look(phase: string, ready: boolean, message: string): Json {
  return {
    status: { phase: `ACTION_PHASE_${phase}` },
    attempts: [{
      phase: `ACTION_PHASE_${phase}`,
      attempt: 1,
      logInfo: [{ ...IDE, ready }],
      clusterEvents: [{ occurredAt: "2026-11-20T10:00:00Z", message }],
    }],
  };
}

interface Pod extends AsyncDisposable {
  readonly fixture: UnionFixture;
  readonly sshd: TestSshd;
  readonly config: string;
  porthole(...args: string[]): Promise<Outcome>;
  ssh(...args: string[]): Promise<Outcome>;
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A control plane with a run whose pod has a real sshd behind the ingress, and a home with the key that it takes. */
async function makePod(looks: Json[]): Promise<Pod> {
  const folder = await Deno.makeTempDir({ prefix: "ph-" });
  const sshd = await startSshd(folder);
  const fixture = await makeUnionFixture({ admin: ROBOT, now: Date.now, podPort: sshd.port });
  fixture.server.addRun(aRun("r1", { looks: { a0: looks } }));
  const keys = join(fixture.home.path, ".flyte", "ssh-debug");
  await Deno.mkdir(keys, { recursive: true, mode: 0o700 });
  await Deno.chmod(keys, 0o700);
  await Deno.copyFile(sshd.keyPath, join(keys, "id_ed25519"));
  await Deno.chmod(join(keys, "id_ed25519"), 0o600);
  const env = fixture.home.environment({ ...ROBOT_ENV, USER: sshd.user });
  const config = join(fixture.home.path, ".ssh", "config");
  const run = async (program: string, args: string[]) => {
    const signal = AbortSignal.timeout(CHILD_TIMEOUT_MS);
    const options = { args, env, clearEnv: true, cwd: "/", stdin: "null", signal } as const;
    const output = await new Deno.Command(program, options).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
  };
  return {
    fixture,
    sshd,
    config,
    porthole: (...args) => run(Deno.execPath(), ["run", "-A", "--no-prompt", "--quiet", join(TOP, "main.ts"), ...args]),
    ssh: (...args) => run("ssh", ["-F", config, "-o", "BatchMode=yes", ...args]),
    async [Symbol.asyncDispose]() {
      await fixture[Symbol.asyncDispose]();
      await sshd[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function connect(pod: Pod, ...more: string[]): Promise<Outcome> {
  const flags = ["--user", pod.sshd.user, "--poll-interval", "20ms", "--write-config", "--no-multiplex"];
  return await pod.porthole("connect", "r1", "--on", "union", ...flags, ...more);
}

Deno.test({
  name: "a run is waited for, connected, reached with ssh, and again after its token was rotated (needs sshd)",
  ignore: NEEDS_SSHD,
  async fn() {
    await using pod = await makePod([
      look("QUEUED", false, "no node yet"),
      look("INITIALIZING", true, "Pulling image"),
      look("RUNNING", false, "Vscode server is not ready"),
      look("RUNNING", true, "Vscode server is ready"),
    ]);
    const { server, home } = pod.fixture;
    server.routeFaults = [404, 502];
    const connected = await connect(pod);
    assert.equal(connected.code, 0, connected.stderr);
    assert.match(connected.stderr, /r1: QUEUED: no node yet\nr1: INITIALIZING: Pulling image\n.*not ready.*404.*502/s);
    const first = await pod.ssh("r1", "echo", "inside");
    assert.deepEqual([first.code, first.stdout], [0, "inside\n"], first.stderr);

    server.oauth.rotate();
    const again = await pod.ssh("r1", "echo", "inside again");
    assert.deepEqual([again.code, again.stdout], [0, "inside again\n"], again.stderr);
    assert.deepEqual(server.oauth.grants, ["client_credentials", "client_credentials"]);
    await assertSecretsOnlyInTokens(home.path, server.oauth.accessTokens.keys());
  },
});

/** Looks at every file under `folder`: a token may stand in a 0600 file of `tokens` and nowhere else. */
async function assertSecretsOnlyInTokens(folder: string, secrets: Iterable<string>): Promise<void> {
  const all = [...secrets];
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) await assertSecretsOnlyInTokens(path, all);
    if (!entry.isFile) continue;
    const text = await Deno.readTextFile(path);
    const isTokenFile = /[\\/]tokens[\\/][^\\/]+\.json$/.test(path);
    if (isTokenFile) assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600, path);
    else assert.equal(all.some((secret) => text.includes(secret)), false, path);
  }
}

Deno.test({
  name: "a credential that the route refuses for good is told with the log-in page's host (needs sshd)",
  ignore: NEEDS_SSHD,
  async fn() {
    await using pod = await makePod([look("RUNNING", true, "Vscode server is ready")]);
    const redirect = () =>
      new Response(null, { status: 302, headers: { location: "https://login.example.com/?redirect_url=x" } });
    for (let i = 0; i < 3; i++) pod.fixture.server.answerNext("/dataplane/", redirect);
    const { code, stderr, stdout } = await connect(pod);
    assert.deepEqual([code, stdout], [255, ""]);
    assert.match(stderr, /login\.example\.com/);
  },
});

Deno.test({
  name: "a pod that fails ends connect with the platform's message and status 255 (needs sshd)",
  ignore: NEEDS_SSHD,
  async fn() {
    await using pod = await makePod([
      look("QUEUED", false, "no node yet"),
      { status: { phase: "ACTION_PHASE_FAILED" }, errorInfo: { message: "OOMKilled: 137" }, attempts: [] },
    ]);
    const { code, stderr } = await connect(pod, "--json");
    assert.equal(code, 255);
    const { error } = JSON.parse(stderr.trim().split("\n").at(-1) ?? "");
    assert.equal(error.code, "run_ended");
    assert.equal(error.message, 'The run "r1" (a0) ended as FAILED: OOMKilled: 137');
  },
});

Deno.test({
  name: "a wait that runs out tells the last phase and cluster event (needs sshd)",
  ignore: NEEDS_SSHD,
  async fn() {
    await using pod = await makePod([look("WAITING_FOR_RESOURCES", false, "0/3 nodes are available")]);
    const { code, stderr } = await connect(pod, "--timeout", "300ms");
    assert.equal(code, 255);
    assert.match(stderr, /within 300ms; the last that was seen: WAITING_FOR_RESOURCES: 0\/3 nodes are available/);
  },
});
