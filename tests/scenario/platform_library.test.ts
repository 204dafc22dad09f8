import assert from "node:assert/strict";
import { join } from "node:path";
import { SSHDebug } from "../../src/mod.ts";
import { ensureKeypair } from "../../src/ssh/keys/ensure_keypair.ts";
import { PORTHOLE, runAt } from "../support/porthole.ts";
import { startSshBanner } from "../support/ssh_banner.ts";
import { makeUnionFixture, ROBOT, ROBOT_ENV, type UnionFixture } from "../support/union_client.ts";
import { attempt } from "../support/union_provider.ts";
import { aRun } from "../support/union_server.ts";

const IDE = { uri: "/dataplane/pod/v1/x/6060/task/a/b/", name: "VS Code Debugger", linkType: "IDE", ready: true };

async function stage(publicKey = ""): Promise<UnionFixture> {
  const stack = new AsyncDisposableStack();
  const banner = stack.use(startSshBanner());
  const fixture = stack.use(await makeUnionFixture({ admin: ROBOT, now: Date.now, podPort: banner.port }));
  const envs = publicKey === "" ? {} : { envs: { values: [{ key: "_F_SSH_PK", value: publicKey }] } };
  fixture.server.addRun(aRun("r1", { looks: { a0: [attempt("RUNNING", { logInfo: [IDE] })] }, runSpec: envs }));
  return { ...fixture, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

Deno.test("SSHDebug.connect needs a run's name alone, and has the platform's defaults", async () => {
  await using at = await stage();
  const session = await SSHDebug.connect({ runName: "r1", env: { ...at.env, ...ROBOT_ENV }, provider: "union" });
  const { runName, actionName, wssUrl, hostAlias, headersFile, sshConfig } = session;
  assert.deepEqual({ runName, actionName, wssUrl, hostAlias, headersFile }, {
    runName: "r1",
    actionName: "a0",
    wssUrl: `${at.server.endpoint.replace("http", "ws")}${IDE.uri}`,
    hostAlias: "flyte-debug",
    headersFile: undefined,
  });
  assert.match(sshConfig, /^Host flyte-debug\n/);
  assert.match(sshConfig, /^ {4}User root$/m);
  assert.match(sshConfig, /^ {4}IdentityFile .*\/\.flyte\/ssh-debug\/id_ed25519$/m);
});

Deno.test("SSHDebug.connect takes all eleven parameters", async () => {
  await using at = await stage();
  const { privateKeyPath } = await ensureKeypair({ path: join(at.home.path, "mine") });
  const headersFile = join(at.home.path, "headers");
  await Deno.writeTextFile(headersFile, "x-team: blue\n", { mode: 0o600 });
  const session = await SSHDebug.connect({
    runName: "r1",
    actionName: "a0",
    user: "ann",
    identityFile: privateKeyPath,
    hostAlias: "mine",
    useApiKey: true,
    refreshToken: true,
    headersFile,
    timeout: 20,
    pollInterval: 0.01,
    waitForRoute: true,
    env: { ...at.env, ...ROBOT_ENV },
    provider: "union",
  });
  assert.match(session.sshConfig, /^Host mine\n/);
  assert.match(session.sshConfig, /^ {4}User ann$/m);
  assert.ok(session.sshConfig.includes(privateKeyPath));
  assert.equal(session.headersFile, headersFile);
  assert.deepEqual([...at.server.apps.keys()], ["flyte-ssh-debug"]);
  const dials = at.server.seen.filter(({ path }) => path.startsWith("/dataplane/"));
  assert.equal(dials.at(-1)?.headers["x-team"], "blue");
});

Deno.test("SSHDebug.connect refuses seconds that are none", async () => {
  for (const timeout of [-1, NaN]) {
    const connecting = SSHDebug.connect({ runName: "r1", provider: "local", timeout });
    await assert.rejects(connecting, {
      code: "usage",
      message: `Cannot use ${timeout} as timeout: needed a number of seconds, 0 or more`,
    });
  }
});

Deno.test("SSHDebug.connect without waitForRoute takes the platform's word and dials nothing", async () => {
  await using at = await stage();
  const options = { runName: "r1", env: { ...at.env, ...ROBOT_ENV }, provider: "union" } as const;
  await SSHDebug.connect({ ...options, waitForRoute: false });
  assert.deepEqual(at.server.seen.filter(({ path }) => path.startsWith("/dataplane/")), []);
});

Deno.test("connect says at once that a run lets another key in, and nothing when it fits", async () => {
  const other = await Deno.makeTempDir();
  try {
    const { publicKey } = await ensureKeypair({ path: join(other, "id_ed25519") });
    await using at = await stage(publicKey);
    const connect = async (...args: string[]) =>
      await runAt(at.home, [...PORTHOLE, "connect", "r1", "--on", "union", ...args], ROBOT_ENV);
    const wrong = await connect();
    assert.equal(wrong.code, 0);
    assert.match(
      wrong.stderr,
      /^The run lets in the key SHA256:\S+; \S+\/\.flyte\/ssh-debug\/id_ed25519 is SHA256:\S+\. Name the right one with --identity-file, or: porthole launch --on union --rerun r1$/m,
    );
    const right = await connect("--identity-file", join(other, "id_ed25519"));
    assert.equal(right.code, 0);
    assert.doesNotMatch(right.stderr, /lets in the key/);
  } finally {
    await Deno.remove(other, { recursive: true });
  }
});
