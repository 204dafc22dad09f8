import assert from "node:assert/strict";
import { join } from "node:path";
import { TOP } from "../support/compiled.ts";
import { makeUnionFixture, type UnionFixture } from "../support/union_client.ts";
import { aRun } from "../support/union_server.ts";

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A browser that logs whoever it is in: it follows redirects. */
const BROWSER_SCRIPT = "await (await fetch(Deno.args[0])).text();";

async function makeUser(): Promise<
  UnionFixture & { porthole(args: string[], env?: Record<string, string>): Promise<Outcome> }
> {
  const fixture = await makeUnionFixture({ now: Date.now });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  fixture.server.oauth.redirectUri = `http://localhost:${listener.addr.port}/callback`;
  const script = join(fixture.home.path, "browser.ts");
  await Deno.writeTextFile(script, BROWSER_SCRIPT);
  const browser = `${Deno.execPath()} run -A --quiet --no-config ${script}`;
  const porthole = async (args: string[], env: Record<string, string> = {}) => {
    // An open stdin: a proxy whose ssh has gone leaves at once.
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-prompt", "--quiet", join(TOP, "main.ts"), ...args],
      env: fixture.home.environment({ BROWSER: browser, USER: "ann", ...env }),
      clearEnv: true,
      cwd: "/",
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(60_000),
    }).spawn();
    const { code, stdout, stderr } = await child.output();
    await child.stdin.close().catch(() => {/* the child has left it */});
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  };
  return { ...fixture, porthole, [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose]() };
}

Deno.test("log in, look, log out: on stdout the state, on stderr the rest, and no token anywhere", async () => {
  await using user = await makeUser();
  assert.equal((await user.porthole(["auth", "status"])).code, 1);
  const login = await user.porthole(["auth", "login"]);
  assert.equal(login.code, 0, login.stderr);
  assert.match(
    login.stdout,
    /^union at 127\.0\.0\.1:\d+: logged in until \S+, renewed by itself\n {2}method {2}Pkce\n/,
  );
  const status = await user.porthole(["auth", "status", "--json"]);
  assert.equal(status.code, 0);
  assert.equal(JSON.parse(status.stdout).isLoggedIn, true);
  const logout = await user.porthole(["auth", "logout"]);
  assert.equal(logout.stdout, "Logged out of union\n");
  for (const { stdout, stderr } of [login, status, logout]) assert.equal(/secret-/.test(stdout + stderr), false);
});

Deno.test("a command that needs a log-in opens the browser; under --json without one it says what to run", async () => {
  await using user = await makeUser();
  user.server.addRun(aRun("r1"));
  const silent = await user.porthole(["list", "--on", "union", "--json"], { BROWSER: "none" });
  assert.equal(silent.code, 255);
  assert.equal(JSON.parse(silent.stderr).error.hint, "porthole auth login, without --json");
  const list = await user.porthole(["list", "--on", "union", "--json"]);
  assert.equal(list.code, 0, list.stderr);
  assert.equal(JSON.parse(list.stdout).name, "r1");
});

Deno.test("a key is made, shown for FLYTE_API_KEY, and revoked", async () => {
  await using user = await makeUser();
  await user.porthole(["auth", "login"]);
  const made = await user.porthole(["auth", "api-key", "ensure", "mine"]);
  assert.match(made.stdout, /^Made mine \(client mine\) in .*\n$/);
  assert.equal(/secret-/.test(made.stdout + made.stderr), false);
  const shown = await user.porthole(["auth", "api-key", "show", "mine"]);
  assert.match(atob(shown.stdout.trim()), /^127\.0\.0\.1:mine:secret-of-key-\S+:None$/);
  assert.equal((await user.porthole(["auth", "api-key", "revoke", "mine"])).stdout, "Revoked mine\n");
  const gone = await user.porthole(["auth", "api-key", "show", "mine"]);
  assert.deepEqual([gone.code, gone.stdout], [2, ""]);
});

Deno.test("without a name, show and revoke mean the key that this machine has, not somebody else's", async () => {
  await using user = await makeUser();
  user.server.apps.set("flyte-ssh-debug", { owner: "bob" });
  await user.porthole(["auth", "login"]);
  assert.equal((await user.porthole(["auth", "api-key", "ensure"])).code, 2);
  assert.equal((await user.porthole(["auth", "api-key", "ensure", "flyte-ssh-debug-ann"])).code, 0);
  const shown = await user.porthole(["auth", "api-key", "show"]);
  assert.match(atob(shown.stdout.trim()), /^127\.0\.0\.1:flyte-ssh-debug-ann:/);
  assert.equal((await user.porthole(["auth", "api-key", "revoke"])).stdout, "Revoked flyte-ssh-debug-ann\n");
  assert.deepEqual([...user.server.apps.keys()], ["flyte-ssh-debug"]);
});

Deno.test("a proxy never opens a browser: it fails with the line to run", async () => {
  await using user = await makeUser();
  const targets = join(user.home.portholeHome, "targets");
  await Deno.mkdir(targets, { recursive: true, mode: 0o700 });
  const record = {
    version: 1,
    alias: "r1",
    provider: "union",
    runName: "r1",
    actionName: "a0",
    attempt: 0,
    route: { kind: "websocket", url: `${user.server.endpoint.replace("http", "ws")}/dataplane/x/` },
    user: "root",
    identityFile: "/nowhere",
    hostKeyAlias: "x",
    hostKeyCheck: "accept-new",
    createdAt: "2026-11-20T10:00:00Z",
    credential: {
      provider: "union",
      endpoint: user.server.endpoint,
      tokenKey: new URL(user.server.endpoint).host.replace(":", "_"),
    },
  };
  await Deno.writeTextFile(join(targets, "r1.json"), JSON.stringify(record), { mode: 0o600 });
  const { code, stdout, stderr } = await user.porthole(["proxy", "r1"]);
  assert.deepEqual([code, stdout], [255, ""]);
  assert.match(stderr, /^porthole: Not logged in to "127\.0\.0\.1:\d+", or the log-in has ended.*porthole auth login/s);
  assert.equal(user.server.calls("/oauth2/authorize").length, 0);
});
