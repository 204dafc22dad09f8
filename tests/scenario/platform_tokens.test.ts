import assert from "node:assert/strict";
import { PORTHOLE, runAt } from "../support/porthole.ts";
import { startSshBanner } from "../support/ssh_banner.ts";
import { makeUnionFixture, ROBOT, ROBOT_ENV, type UnionFixture } from "../support/union_client.ts";
import { attempt } from "../support/union_provider.ts";
import { aRun } from "../support/union_server.ts";

const IDE = { uri: "/dataplane/pod/v1/x/6060/task/a/b/", name: "VS Code Debugger", linkType: "IDE", ready: true };

/** A target called `r1`, and no token of it. */
async function stage(): Promise<UnionFixture> {
  const stack = new AsyncDisposableStack();
  const banner = stack.use(startSshBanner());
  const fixture = stack.use(
    await makeUnionFixture({ admin: ROBOT, now: Date.now, podPort: banner.port }),
  );
  fixture.server.addRun(aRun("r1", { looks: { a0: [attempt("RUNNING", { logInfo: [IDE] })] } }));
  const { code, stderr } = await connect(fixture);
  assert.equal(code, 0, stderr);
  return { ...fixture, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function connect({ home }: UnionFixture, ...args: string[]) {
  return await runAt(home, [...PORTHOLE, "connect", "r1", "--on", "union", ...args], ROBOT_ENV);
}

/** Runs `porthole proxy r1` until it has brought an SSH version. */
async function proxy({ home }: UnionFixture): Promise<string> {
  const [program, ...args] = PORTHOLE;
  const child = new Deno.Command(program, {
    args: [...args, "proxy", "r1"],
    env: home.environment(ROBOT_ENV),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  await child.stdin.close();
  await reader.cancel();
  await child.status;
  return value;
}

Deno.test("ten proxies that an editor starts at once, as processes of their own, cause one log-in", async () => {
  await using at = await stage();
  await Deno.remove(`${at.home.portholeHome}/tokens`, { recursive: true });
  at.server.oauth.grants.length = 0;
  const versions = await Promise.all(Array.from({ length: 10 }, () => proxy(at)));
  assert.deepEqual(new Set(versions), new Set(["SSH-2.0-banner\r\n"]));
  assert.deepEqual(at.server.oauth.grants, ["client_credentials"]);
});

Deno.test("each dial carries a token that has not ended, with nothing written anew", async () => {
  await using at = await stage();
  const { grants } = at.server.oauth;
  const written = async () => [
    await Deno.readTextFile(`${at.home.portholeHome}/targets/r1.json`),
    await Deno.readTextFile(`${at.home.path}/.ssh/config`).catch(() => "none"),
  ];
  const before = await written();
  assert.equal(await proxy(at), "SSH-2.0-banner\r\n");
  assert.equal(grants.length, 1, "a good token is used as it is");
  await age(at);
  assert.equal(await proxy(at), "SSH-2.0-banner\r\n");
  assert.equal(grants.length, 2, "one that ends within a minute is renewed first");
  at.server.oauth.rotate();
  assert.equal(await proxy(at), "SSH-2.0-banner\r\n");
  assert.equal(grants.length, 3, "one that is turned down before its end is renewed, once");
  assert.deepEqual(await written(), before);
});

/** Makes the stored token one of an hour ago, which ends in half a minute. */
async function age({ home }: UnionFixture): Promise<void> {
  const folder = `${home.portholeHome}/tokens`;
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".json")) continue;
    const token = JSON.parse(await Deno.readTextFile(`${folder}/${name}`));
    const aged = { ...token, obtainedAt: Date.now() - 3_570_000, expiresAt: Date.now() + 30_000 };
    await Deno.writeTextFile(`${folder}/${name}`, JSON.stringify(aged));
  }
}

Deno.test("--refresh-token logs in anew though the stored token is good", async () => {
  await using at = await stage();
  const before = at.server.oauth.grants.length;
  assert.equal((await connect(at)).code, 0);
  assert.equal(at.server.oauth.grants.length, before);
  assert.equal((await connect(at, "--refresh-token")).code, 0);
  assert.equal(at.server.oauth.grants.length, before + 1);
});
