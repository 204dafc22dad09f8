import assert from "node:assert/strict";
import { runToEnd } from "../support/agent_stage.ts";
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

needsSsh("ssh says why a forwarding was refused: forbidden, or nobody there", async () => {
  await using stage = await makeTestingStage();
  const options = stage.options.map((word) => word === "LogLevel=ERROR" ? "LogLevel=INFO" : word);
  const forward = (target: string) =>
    runToEnd("ssh", [...options, "-p", String(stage.server.port), "-W", target, "127.0.0.1"], {
      env: stage.home.environment(),
    });
  const forbidden = await forward("192.0.2.1:80");
  const why = 'Forwarding to "192.0.2.1:80" is not allowed';
  assert.equal(forbidden.stderr.split("\r\n")[0], `channel 0: open failed: administratively prohibited: ${why}`);
  const nobody = await forward("127.0.0.1:1");
  const refused = 'Cannot connect to "127.0.0.1:1": connection refused';
  assert.equal(nobody.stderr.split("\r\n")[0], `channel 0: open failed: connect failed: ${refused}`);
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
