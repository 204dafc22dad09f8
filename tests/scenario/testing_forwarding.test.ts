import assert from "node:assert/strict";
import { programPath } from "../support/programs.ts";
import { makeTestingStage } from "../support/testing_stage.ts";

const needsSsh = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name: `${name} (needs ssh)`, ignore: programPath("ssh") === null, fn });

needsSsh("a client may forward to loopback, and nowhere else unless the test says so", async () => {
  await using stage = await makeTestingStage({
    forwarding: ({ hostname, port }) =>
      hostname === "db.internal" ? { hostname: "127.0.0.1", port: stage.server.port } : port === 1,
  });
  const { server } = stage;
  const allowed = await stage.ssh(["-W", "db.internal:5432", "127.0.0.1"]);
  assert.match(allowed.stdout, /^SSH-2\.0-porthole_test/);
  const denied = await stage.ssh(["-W", "elsewhere:80", "127.0.0.1"]);
  assert.notEqual(denied.code, 0);
  const targets = server.eventsOf("channel").filter(({ channel }) => channel === "direct-tcpip");
  assert.deepEqual(targets.map(({ target, isAllowed }) => [target?.hostname, isAllowed]), [
    ["db.internal", true],
    ["elsewhere", false],
  ]);
});

needsSsh("a remote forwarding listens and carries", async () => {
  await using stage = await makeTestingStage();
  const { server } = stage;
  server.onExec("wait", async (_command, { stdin }) => void await stdin.bytes());
  const child = new Deno.Command("ssh", {
    args: [...stage.options, "-p", String(server.port), "-R", `0:127.0.0.1:${server.port}`, "127.0.0.1", "wait"],
    env: stage.home.environment(),
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const { port, isAllowed } = await server.waitFor("listen");
  assert.equal(isAllowed, true);
  {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const buffer = new Uint8Array(64);
    const count = await conn.read(buffer);
    assert.match(new TextDecoder().decode(buffer.subarray(0, count ?? 0)), /^SSH-2\.0-porthole_test/);
  }
  await child.stdin.close();
  assert.equal((await child.status).code, 0);
});
