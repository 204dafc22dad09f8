import assert from "node:assert/strict";
import { join } from "node:path";
import { ssh } from "../../src/fleet/mod.ts";
import { dialWebSocket } from "../../src/stream/websocket_client.ts";
import { connectSsh } from "../../src/ssh/client/connect.ts";
import { testKey, testServer } from "../../src/testing/mod.ts";
import { makeTempHome } from "../support/temp_home.ts";
import { makeTestingStage } from "../support/testing_stage.ts";

Deno.test("a server that is started twice at once listens once, and not when it is shut down meanwhile", async () => {
  const server = testServer();
  const starting = Promise.all([server.start(), server.start()]);
  await server.shutdown();
  const [{ port }] = await starting;
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port }), Deno.errors.ConnectionRefused);
});

Deno.test("what a handler writes without waiting comes whole and in order, and its client may leave meanwhile", async () => {
  await using stage = await makeTestingStage();
  const { server } = stage;
  const big = "x".repeat(5_000_000);
  server.onExec("eager", (_command, { stdout, stderr }) => {
    for (const chunk of ["a", big, "b"]) void stdout(chunk);
    void stderr("c");
  });
  const client = ssh.config({
    hosts: server.addr,
    user: server.user,
    key: stage.key.path,
    knownHostsFile: stage.knownHostsFile,
    environment: stage.home.environment(),
    maxOutputBytes: 10_000_000,
  });
  const [result] = await client.exec("eager");
  assert.deepEqual([result?.stdout === `a${big}b`, result?.stderr, result?.code], [true, "c", 0]);
  for await (const event of client.execEvents("eager")) if (event.type === "stdout") break;
  await server.waitFor("exit", { count: 2 });
});

Deno.test("ten servers in one process keep their users, keys, commands, files and faults to themselves", async () => {
  await using home = await makeTempHome();
  await using stack = new AsyncDisposableStack();
  const servers = await Promise.all(Array.from({ length: 10 }, async (_, at) => {
    const server = stack.use(testServer({ user: `user${at}`, password: `password${at}` }));
    server.handleExec(() => [`server ${at}\n`, "", at]);
    if (at === 5) server.addFault({ name: "drop" });
    await server.start();
    return server;
  }));
  const results = await Promise.all(servers.map(async (server, at) => {
    const knownHostsFile = join(home.path, `known_hosts-${at}`);
    await Deno.writeTextFile(knownHostsFile, `${server.knownHostsLine}\n`);
    const client = ssh.config({
      hosts: server.addr,
      user: `user${at}`,
      password: `password${at}`,
      knownHostsFile,
      environment: home.environment(),
      sshConfigFile: false,
      maxRetries: 0,
    });
    return (await client.tryExec(`command ${at}`)).value?.[0]?.stdout ?? "none";
  }));
  assert.deepEqual(results, results.map((_, at) => at === 5 ? "none" : `server ${at}\n`));
  assert.deepEqual(
    servers.map(({ commands }) => commands.map(({ command }) => command)),
    servers.map((_, at) => at === 5 ? [] : [`command ${at}`]),
  );
  assert.equal(new Set(servers.map(({ port }) => port)).size, 10);
  assert.equal(new Set(servers.map(({ fingerprint }) => fingerprint)).size, 10);
});

Deno.test("what a client did can be told: connection, log-in with fingerprint, channel, command, bytes", async () => {
  await using stage = await makeTestingStage();
  const { server, key, home, knownHostsFile } = stage;
  server.onExec("dump", { stdout: "x".repeat(10_000) });
  const options = {
    hosts: server.addr,
    user: "testuser",
    key: key.path,
    knownHostsFile,
    sshConfigFile: false as const,
  };
  await ssh.config({ ...options, environment: home.environment() }).exec("dump");
  const gone = await server.waitFor("disconnection");
  assert.ok(gone.sentBytes > 10_000 && gone.receivedBytes > 500);
  const types = server.events.map(({ type }) => type);
  for (
    const type of ["connection", "authentication", "login", "channel", "command", "exit", "disconnection"] as const
  ) {
    assert.ok(types.includes(type), type);
  }
  const attempts = server.eventsOf("authentication").filter(({ method }) => method === "publickey");
  assert.deepEqual(attempts.map(({ outcome, fingerprint }) => [outcome, fingerprint]), [
    ["would-accept", key.fingerprint],
    ["accepted", key.fingerprint],
  ]);
  assert.equal(server.connectionCount, 0);
});

Deno.test("waitFor counts what happened already, and says what did when it gives up", async () => {
  await using stage = await makeTestingStage();
  const { server } = stage;
  (await Deno.connect({ hostname: "127.0.0.1", port: server.port })).close();
  await server.waitFor("disconnection");
  assert.equal((await server.waitFor("connection")).connection, 1);
  await assert.rejects(server.waitFor("login", { timeoutMs: 10 }), {
    code: "timeout",
    message: 'Waited 10 ms for 1 event(s) "login" that fit: there were 0',
    hint: /^The last events were: connection, .*disconnection$/,
  });
});

Deno.test("a server keeps its port and host key over a shutdown, and refuses meanwhile", async () => {
  await using server = testServer();
  assert.throws(() => server.port, { code: "usage", message: "The test server is not started" });
  const { port, hostKey, websocketUrl } = await server.start();
  await server.shutdown();
  await server.shutdown();
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port }), Deno.errors.ConnectionRefused);
  await server.start();
  assert.deepEqual([server.port, server.hostKey, server.websocketUrl], [port, hostKey, websocketUrl]);
  (await Deno.connect({ hostname: "127.0.0.1", port })).close();
});

Deno.test("a shutdown cuts off clients in the middle of a command, whatever its handler does", async () => {
  await using stage = await makeTestingStage();
  const { server, key, home, knownHostsFile } = stage;
  server.onExec("hang", () => new Promise<void>(() => {}));
  const options = {
    hosts: server.addr,
    user: "testuser",
    key: key.path,
    knownHostsFile,
    sshConfigFile: false as const,
  };
  const running = ssh.config({ ...options, environment: home.environment(), maxRetries: 0 }).tryExec("hang");
  await server.waitFor("command");
  await server.shutdown();
  const { value, error } = await running;
  assert.ok(error ?? value?.[0]?.error);
});

Deno.test("SSH through the WebSocket front reaches the same server", async () => {
  await using stage = await makeTestingStage({ password: "p" });
  const { server } = stage;
  server.onExec("uptime", "up\n");
  await using connection = await connectSsh({
    host: "test",
    user: "testuser",
    dial: ({ signal }) => dialWebSocket({ url: server.websocketUrl, signal }),
    credentials: { password: "p" },
    verifyHostKey: ({ blob }) => assert.ok(server.hostKey.endsWith(blob.toBase64())),
    connectTimeoutMs: 10_000,
  });
  assert.equal(connection.serverSoftware.split("_")[0], "porthole");
  assert.equal(server.eventsOf("connection")[0]?.via, "websocket");
});

Deno.test("testKey makes a private file that is gone once it is disposed, and the key is let in no more", async () => {
  await using server = await testServer().start();
  const key = await testKey();
  const { mode } = await Deno.stat(key.path);
  if (Deno.build.os !== "windows") assert.equal((mode ?? 0) & 0o777, 0o600);
  assert.match(key.publicKey, /^ssh-ed25519 \S+ porthole-test$/);
  const check = async () =>
    (await ssh.keyCheck({ hosts: server.addr, user: "testuser", key: key.publicKey, hostKeyCheck: false }))[0];
  assert.equal((await check())?.accepted, true);
  await key.dispose();
  await key.dispose();
  await assert.rejects(Deno.stat(key.path), Deno.errors.NotFound);
  assert.equal((await check())?.accepted, false);
});

Deno.test("a server with a key of its own does not take those of testKey", async () => {
  await using own = await testKey();
  await using other = await testKey();
  await using server = await testServer({ key: own }).start();
  const check = async (key: string) =>
    (await ssh.keyCheck({ hosts: server.addr, user: "testuser", key, hostKeyCheck: false }))[0]?.accepted;
  assert.deepEqual([await check(own.publicKey), await check(other.publicKey)], [true, false]);
});
