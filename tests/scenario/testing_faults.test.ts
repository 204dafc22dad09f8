import assert from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "../../src/base/errors.ts";
import { type FleetOptions, ssh } from "../../src/fleet/mod.ts";
import { dialWebSocket } from "../../src/stream/websocket_client.ts";
import { type Fault, FAULT_NAMES, type FaultName } from "../../src/testing/mod.ts";
import { eventually } from "../support/agent_stage.ts";
import { programPath } from "../support/programs.ts";
import { makeTestingStage, type TestingStage } from "../support/testing_stage.ts";

const tested = new Set<FaultName>();

function clientOptions(
  { server, key, home, knownHostsFile }: TestingStage,
  more: Partial<FleetOptions> = {},
): FleetOptions {
  const environment = home.environment();
  const own = { hosts: server.addr, user: server.user, key: key.path, knownHostsFile, environment, maxRetries: 0 };
  return { ...own, sshConfigFile: false, timeout: "20s", ...more };
}

/** What a client of our own makes of `fault`. */
async function execUnder(fault: Fault, more: Partial<FleetOptions> = {}) {
  tested.add(fault.name);
  await using stage = await makeTestingStage({ faults: [fault] });
  const [result] = (await ssh.config(clientOptions(stage, more)).tryExec("echo hi")).value ?? [];
  const { error } = await ssh.config(clientOptions(stage, more)).tryExec("echo hi");
  return { result, error };
}

/** Everything that a server sends before it closes, or until `isEnough`. */
async function listenTo(port: number, isEnough: (text: string) => boolean = () => false): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode("SSH-2.0-test\r\n"));
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    text += String.fromCharCode(...buffer.subarray(0, count));
    if (isEnough(text)) break;
  }
  return text;
}

Deno.test("refuse: nobody listens, until it is taken back; who was connected stays", async () => {
  tested.add("refuse");
  await using stage = await makeTestingStage();
  const { server } = stage;
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const fault = server.addFault({ name: "refuse" });
  await server.waitFor("fault");
  await assert.rejects(connect(), Deno.errors.ConnectionRefused);
  fault[Symbol.dispose]();
  (await connect()).close();
  server.addFault({ name: "refuse" });
  server.clearFaults();
  await server.waitFor("fault", { count: 2 });
  (await connect()).close();
});

Deno.test("drop: the connection is closed before a byte, as often as was said", async () => {
  tested.add("drop");
  await using stage = await makeTestingStage({ faults: [{ name: "drop", times: 2 }] });
  const [result] = await ssh.config(clientOptions(stage, { maxRetries: 3 })).exec("echo hi");
  assert.equal(result?.stdout, "hi\n");
  const ends = stage.server.eventsOf("disconnection");
  assert.deepEqual(ends.slice(0, 2).map(({ sentBytes }) => sentBytes), [0, 0]);
  assert.deepEqual(stage.server.eventsOf("fault").map(({ fault }) => fault), ["drop", "drop"]);
});

for (const status of [301, 302, 401, 403, 404, 429, 502, 503] as const) {
  Deno.test(`http-status: the WebSocket front answers ${status}, once`, async () => {
    tested.add("http-status");
    await using stage = await makeTestingStage({ faults: [{ name: "http-status", status, times: 1, retryAfter: 7 }] });
    const { server } = stage;
    await assert.rejects(dialWebSocket({ url: server.websocketUrl }), (error) => error instanceof AppError);
    assert.deepEqual(server.eventsOf("request").map((event) => event.status), [status]);
    using stream = await dialWebSocket({ url: server.websocketUrl });
    assert.match(new TextDecoder().decode(await stream.read() ?? new Uint8Array()), /^SSH-2\.0-porthole_test/);
  });
}

Deno.test("wrong-accept: the handshake fails", async () => {
  tested.add("wrong-accept");
  await using stage = await makeTestingStage({ faults: [{ name: "wrong-accept" }] });
  await assert.rejects(dialWebSocket({ url: stage.server.websocketUrl }), { code: "handshake_failed" });
});

Deno.test("bad-certificate: each flaw is refused, and the good certificate is not", async () => {
  tested.add("bad-certificate");
  for (const flaw of ["untrusted", "expired", "wrong-host"] as const) {
    await using stage = await makeTestingStage({ tls: true, faults: [{ name: "bad-certificate", flaw, times: 1 }] });
    const { websocketUrl: url, tlsAuthority = "" } = stage.server;
    assert.match(url, /^wss:/);
    await assert.rejects(dialWebSocket({ url, caCerts: [tlsAuthority] }), { code: "tls_failed" }, flaw);
    using stream = await dialWebSocket({ url, caCerts: [tlsAuthority] });
    assert.match(new TextDecoder().decode(await stream.read() ?? new Uint8Array()), /^SSH-2\.0-/);
  }
});

Deno.test("slow-banner: the identification comes late", async () => {
  const startedAt = performance.now();
  const { result } = await execUnder({ name: "slow-banner", delay: "150ms" });
  assert.equal(result?.stdout, "hi\n");
  assert.ok(performance.now() - startedAt >= 300);
});

Deno.test("no-banner: nothing comes, and a client's own clock ends it", async () => {
  const { error } = await execUnder({ name: "no-banner" }, { timeout: "200ms" });
  assert.equal(error?.code, "timeout");
});

Deno.test("garbage-before-banner: what was asked for comes first", async () => {
  tested.add("garbage-before-banner");
  await using stage = await makeTestingStage({ faults: [{ name: "garbage-before-banner", garbage: "welcome\r\n" }] });
  const { server } = stage;
  assert.match(await listenTo(server.port, (text) => text.includes("SSH-")), /^welcome\r\nSSH-2\.0-/);
  server.clearFaults();
  server.addFault({ name: "garbage-before-banner" });
  const text = await listenTo(server.port, (text) => text.includes("SSH-"));
  assert.equal(text.charCodeAt(0), 0x15);
});

Deno.test("kex-mismatch: nothing is agreed upon", async () => {
  const { error } = await execUnder({ name: "kex-mismatch" });
  assert.equal(error?.code, "handshake_failed");
});

Deno.test("host-key-changed: the next connection sees another key than the first", async () => {
  tested.add("host-key-changed");
  await using stage = await makeTestingStage();
  const client = ssh.config(clientOptions(stage));
  assert.equal((await client.exec("true"))[0]?.ok, true);
  stage.server.addFault({ name: "host-key-changed", times: 1 });
  assert.equal((await client.tryExec("true")).error?.code, "host_key_mismatch");
  assert.equal((await client.exec("true"))[0]?.ok, true);
});

Deno.test("auth-failures: so many right attempts are refused", async () => {
  tested.add("auth-failures");
  await using stage = await makeTestingStage({ faults: [{ name: "auth-failures", count: 2 }] });
  const client = ssh.config(clientOptions(stage));
  const codes = [];
  for (let at = 0; at < 3; at++) codes.push((await client.tryExec("true")).error?.code);
  assert.deepEqual(codes, ["auth_denied", "auth_denied", undefined]);
});

Deno.test("channel-refused: the login works, the session does not", async () => {
  tested.add("channel-refused");
  await using stage = await makeTestingStage({ faults: [{ name: "channel-refused", times: 1 }] });
  const client = ssh.config(clientOptions(stage));
  const { value, error } = await client.tryExec("true");
  assert.ok(error ?? value?.[0]?.error);
  assert.equal(stage.server.eventsOf("login").length, 1);
  assert.equal((await client.exec("true"))[0]?.ok, true);
});

Deno.test({
  name: "channel-refused: direct-tcpip alone (needs ssh)",
  ignore: programPath("ssh") === null,
  async fn() {
    await using stage = await makeTestingStage({ faults: [{ name: "channel-refused", channel: "direct-tcpip" }] });
    const { code, stderr } = await stage.ssh(["-W", `127.0.0.1:${stage.server.port}`, "127.0.0.1"]);
    assert.notEqual(code, 0, stderr);
    assert.equal((await stage.ssh(["127.0.0.1", "true"])).code, 0);
  },
});

Deno.test("window-starvation: a client can send so much and no more", async () => {
  tested.add("window-starvation");
  await using stage = await makeTestingStage({ faults: [{ name: "window-starvation", bytes: 1000 }] });
  const { server } = stage;
  server.onExec("cat", async (_command, { stdin }) => await stdin.text());
  const controller = new AbortController();
  const running = ssh.config(clientOptions(stage)).tryExec("cat", {
    stdin: "x".repeat(5000),
    signal: controller.signal,
  });
  const { record } = await server.waitFor("command");
  await eventually("the client has sent what it may", () => record.stdinSize >= 1000);
  controller.abort();
  await running;
  assert.equal(record.stdinSize, 1000);
});

Deno.test("disconnect: cut after exactly so many bytes, or in the phase that was named", async () => {
  tested.add("disconnect");
  await using stage = await makeTestingStage({ faults: [{ name: "disconnect", bytes: 30, times: 1 }] });
  const { server } = stage;
  assert.equal((await listenTo(server.port)).length, 30);
  const phases = { kex: 0, auth: 0, session: 1 };
  for (const phase of ["kex", "auth", "session"] as const) {
    server.forget();
    using _fault = server.addFault({ name: "disconnect", phase });
    const { error, value } = await ssh.config(clientOptions(stage)).tryExec("true");
    assert.ok(error ?? value?.[0]?.error, phase);
    await server.waitFor("disconnection");
    assert.equal(server.eventsOf("login").length, phases[phase], phase);
    assert.equal(server.commands.length, 0);
  }
});

Deno.test("stall: after so many bytes nothing moves, and the connection stays", async () => {
  const { error } = await execUnder({ name: "stall", phase: "auth" }, { timeout: "300ms" });
  assert.equal(error?.code, "timeout");
});

Deno.test({
  name: "truncated-sftp: the channel ends in the middle of a file (needs sftp)",
  ignore: programPath("sftp") === null,
  async fn() {
    tested.add("truncated-sftp");
    await using stage = await makeTestingStage({ faults: [{ name: "truncated-sftp", bytes: 50_000, times: 1 }] });
    const { server, home } = stage;
    server.addFile("/big", new Uint8Array(200_000));
    const get = () => stage.copy("sftp", ["-b", "-", "127.0.0.1"], { stdin: `get /big ${join(home.path, "big")}\n` });
    assert.notEqual((await get()).code, 0);
    assert.equal((await get()).code, 0);
  },
});

Deno.test("file-error: a disk that is full, a file that may not be touched", async () => {
  tested.add("file-error");
  await using stage = await makeTestingStage();
  const { server, home } = stage;
  const source = join(home.path, "source");
  await Deno.writeTextFile(source, "x".repeat(10_000));
  const client = ssh.config(clientOptions(stage));
  const upload = async (dst: string) => (await client.upload(source, dst))[0];
  {
    using _full = server.addFault({ name: "file-error", errno: "ENOSPC", afterBytes: 5000 });
    assert.match((await upload("/data/x"))?.error?.message ?? "", /No space left on device/);
    assert.equal(server.uploaded("/data/x"), undefined);
  }
  using _denied = server.addFault({ name: "file-error", errno: "EACCES", path: "/etc" });
  assert.match((await upload("/etc/x"))?.error?.message ?? "", /Permission denied/i);
  assert.equal((await upload("/data/x"))?.ok, true);
});

Deno.test({
  name: "no-exit-status: a command ends without one (needs ssh)",
  ignore: programPath("ssh") === null,
  async fn() {
    tested.add("no-exit-status");
    await using stage = await makeTestingStage({ faults: [{ name: "no-exit-status", times: 1 }] });
    const { code, stdout } = await stage.ssh(["127.0.0.1", "echo hi"]);
    assert.deepEqual([code, stdout], [255, "hi\n"]);
    assert.equal(stage.server.commands[0]?.code, null);
    assert.equal((await stage.ssh(["127.0.0.1", "echo hi"])).code, 0);
  },
});

Deno.test("latency: every round trip takes longer, and bytes overlap on their way", async () => {
  tested.add("latency");
  await using stage = await makeTestingStage({ faults: [{ name: "latency", delay: "40ms" }] });
  const { server, home } = stage;
  const startedAt = performance.now();
  const client = ssh.config(clientOptions(stage));
  assert.equal((await client.exec("true"))[0]?.ok, true);
  // Identification, keys, log-in and channel are at least five round trips.
  assert.ok(performance.now() - startedAt >= 200);
  server.addFile("/big", new Uint8Array(4_000_000));
  const [result] = await client.download("/big", join(home.path, "big"));
  assert.equal(result?.bytes, 4_000_000);
});

Deno.test("bandwidth: so many bytes take so long", async () => {
  tested.add("bandwidth");
  await using stage = await makeTestingStage({ faults: [{ name: "bandwidth", bytesPerSecond: 400_000 }] });
  stage.server.onExec("dump", { stdout: new Uint8Array(120_000) });
  const startedAt = performance.now();
  const [result] = await ssh.config(clientOptions(stage)).exec("dump");
  assert.equal(result?.stdout.length, 120_000);
  assert.ok(performance.now() - startedAt >= 300);
});

Deno.test("idle-drop: a connection on which nothing moves is closed, over TCP and behind a WebSocket", async () => {
  tested.add("idle-drop");
  await using stage = await makeTestingStage({ faults: [{ name: "idle-drop", after: "50ms" }] });
  const { server } = stage;
  assert.match(await listenTo(server.port), /^SSH-2\.0-/);
  using stream = await dialWebSocket({ url: server.websocketUrl, pingIntervalMs: 0 });
  try {
    while (await stream.read() !== null);
  } catch {
    // A cut in the middle of a frame is told as an error, one between frames as the end.
  }
  await server.waitFor("disconnection", { count: 2 });
});

Deno.test("every fault there is has a story here", () => {
  assert.deepEqual(FAULT_NAMES.filter((name) => !tested.has(name)), []);
});
