import assert from "node:assert/strict";
import { join } from "node:path";
import { generateKey } from "../../src/ssh/keys/generate.ts";
import { eventually, makeAgentStage, runToEnd } from "../support/agent_stage.ts";
import { hasProgram } from "../support/programs.ts";

function scenario(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `${name} (needs ssh)`, ignore: !hasProgram("ssh"), fn });
}

scenario("a client that offers too many wrong keys is cut off", async () => {
  await using stage = await makeAgentStage({ limits: { maxAuthTries: 2 } });
  const wrong: string[] = [];
  for (const name of ["a", "b", "c"]) {
    const path = join(stage.folder, name);
    await Deno.writeTextFile(path, (await generateKey("ed25519")).privateKey, { mode: 0o600 });
    wrong.push("-i", path);
  }
  // The right key is the last of the stage's own options: behind the wrong ones it would come too late.
  const options = stage.sshArgs.slice(0, -2);
  const { code, stderr } = await new Deno.Command("ssh", {
    args: [...options, "-o", "LogLevel=INFO", ...wrong, "-o", `IdentityFile=${stage.keyFile}`, "x@127.0.0.1", "true"],
  }).output().then(({ code, stderr }) => ({ code, stderr: new TextDecoder().decode(stderr) }));
  assert.equal(code, 255);
  assert.match(stderr, /too many authentication failures: 2 are allowed/);
  assert.match(stage.notices.join("\n"), /too many authentication failures: 2 are allowed \(--max-auth-tries\)/);
  assert.equal(stage.agent.connectionCount, 0);
});

scenario("sessions over the limit are refused, the others live on", async () => {
  await using stage = await makeAgentStage({ limits: { maxSessions: 1 } });
  const socket = join(stage.folder, "mux");
  const holder = new Deno.Command("ssh", {
    args: [...stage.sshArgs, "-M", "-S", socket, "x@127.0.0.1", "touch up; exec sleep 1000"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await eventually("the first is up", () => Deno.stat(join(stage.folder, "up")).then(() => true, () => false));
  const check = ["-S", socket, "-O", "check", "x@127.0.0.1"];
  await eventually("its connection can be shared", async () => (await stage.ssh(check)).code === 0);
  // Refused on the shared connection, ssh makes one of its own, and is told there.
  const { code, stderr } = await stage.ssh(["-S", socket, "x@127.0.0.1", "true"]);
  assert.equal(code, 255);
  assert.match(stderr, /^porthole: no session: 1 are open already\r?$/m);
  assert.match(stage.notices.join("\n"), /1 are open already \(--max-sessions\)/);
  await eventually("the refused one is gone", () => stage.agent.connectionCount === 1);
  holder.kill();
  await holder.status;
});

scenario("new keys are agreed upon in the middle of a transfer, both ways", async () => {
  await using stage = await makeAgentStage();
  const bytes = crypto.getRandomValues(new Uint8Array(65_536));
  const data = new Uint8Array(6_000_000).map((_, at) => bytes[at % bytes.length] ?? 0);
  const path = join(stage.folder, "data");
  await Deno.writeFile(path, data);
  for (const cipher of ["chacha20-poly1305@openssh.com", "aes256-ctr", "aes128-gcm@openssh.com"]) {
    const rekey = ["-o", "RekeyLimit=1M", "-c", cipher, "x@127.0.0.1"];
    const { code, stdout, stderr } = await stage.ssh(
      [...rekey, "cat data; cat >back; cmp data back && echo same >&2"],
      { stdin: data },
    );
    assert.equal(code, 0);
    assert.ok(stdout.length > 1_000_000);
    assert.equal(stderr, "same\n", cipher);
  }
});

scenario("a session that cannot be started does not end the agent", async () => {
  await using stage = await makeAgentStage({ account: { shell: "/nonexistent/shell" } });
  assert.equal((await stage.ssh(["x@127.0.0.1", "true"])).code, 127);
  assert.equal((await stage.ssh(["-tt", "x@127.0.0.1", "true"])).code, 127);
  assert.equal(await (await fetch(`http://127.0.0.1:${stage.port}/`)).text(), "ok");
});

scenario("channels over the limit are refused, ports listened on count too, and others are served", async () => {
  await using stage = await makeAgentStage({ limits: { maxChannels: 3 } });
  const child = new Deno.Command("ssh", {
    args: [
      ...stage.sshArgs,
      "-v",
      ...["-R", "0:127.0.0.1:1"],
      ...["-R", "0:127.0.0.1:2"],
      ...["-R", "0:127.0.0.1:3"],
      "-R",
    ]
      .concat("0:127.0.0.1:4", "x@127.0.0.1", "cat"),
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  await eventually("the limit was reached", () => /--max-channels/.test(stage.notices.join("\n")));
  assert.equal((await stage.ssh(["x@127.0.0.1", "echo others"])).stdout, "others\n");
  await child.stdin.close();
  await child.status;
  assert.match(await said, /remote port forwarding failed|resource shortage: 3 channels are open on this connection/);
});

scenario("an address with too many failed log-ins is shut out, by its own address behind an ingress", async () => {
  await using stage = await makeAgentStage({ limits: { maxFailedLogins: 2 }, addressHeader: "X-Forwarded-For" });
  const wrong = join(stage.folder, "wrong");
  await Deno.writeTextFile(wrong, (await generateKey("ed25519")).privateKey, { mode: 0o600 });
  for (let i = 0; i < 2; i++) {
    const { code } = await runToEnd("ssh", [...stage.sshArgs.slice(0, -2), "-i", wrong, "x@127.0.0.1", "true"]);
    assert.equal(code, 255);
  }
  await eventually(
    "it is shut out",
    () => /"127\.0\.0\.1" is shut out.*--max-failed-logins/.test(stage.notices.join("\n")),
  );
  const greeting = await answerTo(stage.port, "SSH-2.0-x\r\n");
  assert.match(greeting, /^porthole: too many failed log-ins from this address: try again in \d+s\r\n$/);
  assert.equal((await stage.ssh(["x@127.0.0.1", "true"])).code, 255);
  assert.match(
    await answerTo(stage.port, upgradeFrom("9.9.9.9, 127.0.0.1")),
    /^HTTP\/1\.1 429 .*\r\nRetry-After: \d+\r\n/s,
  );
  // Who comes back to a session has logged in before.
  assert.match(await answerTo(stage.port, upgradeFrom("127.0.0.1", "porthole.resume.v1.again")), /^HTTP\/1\.1 400 /);
  const both = "porthole.resume.v1.again, porthole.resume.v1";
  assert.match(await answerTo(stage.port, upgradeFrom("127.0.0.1", both)), /^HTTP\/1\.1 429 /);
  // What a client itself writes in front does not count.
  assert.match(await answerTo(stage.port, upgradeFrom("127.0.0.1, 9.9.9.9")), /^HTTP\/1\.1 400 /);
  assert.match(await answerTo(stage.port, "GET / HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 200 /);
});

scenario("silent connections do not push out a client that comes back to its session", async () => {
  await using stage = await makeAgentStage({ limits: { maxUnauthenticated: 2 } });
  using conn = await Deno.connect({ port: stage.port });
  const protocol = "Sec-WebSocket-Protocol: porthole.resume.v1.again";
  const request = `GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n${protocol}\r\n\r\n`;
  await conn.write(new TextEncoder().encode(request));
  const answer = new Uint8Array(1000);
  await conn.read(answer);
  assert.match(new TextDecoder().decode(answer), /^HTTP\/1\.1 101 /);
  for (let i = 0; i < 4; i++) await answerTo(stage.port, "GET / HTTP/1.1\r\n\r\n");
  const silent: Deno.TcpConn[] = [];
  for (let i = 0; i < 4; i++) silent.push(await Deno.connect({ port: stage.port }));
  await eventually("the limit was reached", () => /--max-unauthenticated/.test(stage.notices.join("\n")));
  // RESUME with an id that nobody has, in one unmasked frame; then CLOSE "unknown" comes in one.
  await conn.write(new Uint8Array([0x82, 44, 2, 0, 0, 40, ...new Uint8Array(40)]));
  assert.equal(await conn.read(answer.subarray(0, 7)), 7);
  assert.deepEqual(answer.slice(0, 7), new Uint8Array([0x82, 5, 6, 0, 0, 1, 1]));
  for (const each of silent) each.close();
});

/** An upgrade that will be refused for want of a key, if it is not refused before. */
function upgradeFrom(address: string, protocol = "none"): string {
  const headers = ["Upgrade: websocket", `X-Forwarded-For: ${address}`, `Sec-WebSocket-Protocol: ${protocol}`];
  return `GET / HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`;
}

async function answerTo(port: number, request: string): Promise<string> {
  const conn = await Deno.connect({ port });
  const answer = new Response(conn.readable).text();
  const writer = conn.writable.getWriter();
  await writer.write(new TextEncoder().encode(request));
  writer.releaseLock();
  return await answer;
}
