import assert from "node:assert/strict";
import { eventually } from "../support/agent_stage.ts";
import { hasProgram } from "../support/programs.ts";
import { makeResumeStage } from "../support/resume_stage.ts";

const ignore = !hasProgram("ssh") || Deno.build.os !== "linux";

Deno.test({ name: "a shell lives on when its connection is cut, and nobody notices (needs ssh)", ignore }, async () => {
  await using resume = await makeResumeStage();
  await using ssh = resume.ssh("cat");
  for (const [index, kind] of (["cut", "reset", "cut"] as const).entries()) {
    await ssh.write(`line ${index}\n`);
    await ssh.readUntil(`line ${index}\n`);
    resume.faults.cutAll(kind);
    await ssh.write(`after ${index}\n`);
    assert.equal(await ssh.readUntil(`after ${index}\n`), `after ${index}\n`);
  }
  assert.equal(resume.stage.agent.connectionCount, 1);
  await ssh.end();
  assert.deepEqual(await ssh.status(), { code: 0, stderr: "" });
});

Deno.test({ name: "a session waits for an ingress that was killed and comes back (needs ssh)", ignore }, async () => {
  await using resume = await makeResumeStage();
  await using ssh = resume.ssh("cat");
  await ssh.write("before\n");
  await ssh.readUntil("before\n");
  await resume.faults.goDown();
  await ssh.write("meanwhile\n");
  await eventually("the agent has noticed", () => resume.stage.agent.heldCount === 1);
  resume.faults.comeBack();
  await ssh.readUntil("meanwhile\n");
  await ssh.end();
  assert.deepEqual(await ssh.status(), { code: 0, stderr: "" });
});

Deno.test({ name: "a connection is replaced before it is too old, under traffic (needs ssh)", ignore }, async () => {
  await using resume = await makeResumeStage();
  await using ssh = resume.ssh("cat", { proxyFlags: ["--max-connection-age", "200ms"] });
  const piece = crypto.getRandomValues(new Uint8Array(32_768));
  while (resume.faults.connectionCount < 5) {
    await ssh.write(piece);
    assert.deepEqual(await ssh.readBytes(piece.length), piece);
  }
  assert.equal(resume.faults.openCount <= 2, true);
  await ssh.end();
  assert.deepEqual(await ssh.status(), { code: 0, stderr: "" });
});

Deno.test({
  name: "a proxy that slept comes back to its session, though the agent has given its connection up (needs ssh)",
  ignore,
}, async () => {
  await using resume = await makeResumeStage();
  await using ssh = resume.ssh("cat");
  await ssh.write("before\n");
  await ssh.readUntil("before\n");
  const pid = ssh.proxyPid();
  Deno.kill(pid, "SIGSTOP");
  resume.faults.cutAll("reset");
  await eventually("the agent has noticed", () => resume.stage.agent.heldCount === 1);
  await ssh.write("asleep\n");
  Deno.kill(pid, "SIGCONT");
  await ssh.readUntil("asleep\n");
  await ssh.end();
  assert.equal((await ssh.status()).code, 0);
});

Deno.test({ name: "--no-resume ends a session with its connection, at both ends (needs ssh)", ignore }, async () => {
  await using resume = await makeResumeStage();
  await using ssh = resume.ssh("cat", { proxyFlags: ["--no-resume"] });
  await ssh.write("x\n");
  await ssh.readUntil("x\n");
  resume.faults.cutAll();
  const { code, stderr } = await ssh.status();
  assert.equal(code, 255);
  assert.match(stderr, /^porthole: The (?:tunnel ended|connection)/);
  await eventually("nobody is logged in", () => resume.stage.agent.connectionCount === 0);
  assert.equal(resume.stage.agent.heldCount, 0);
});

Deno.test(
  { name: "an agent that was told to hold nothing ends a session with its connection (needs ssh)", ignore },
  async () => {
    await using resume = await makeResumeStage({ limits: { resumeForMs: 0 } });
    await using ssh = resume.ssh("cat");
    await ssh.write("x\n");
    await ssh.readUntil("x\n");
    resume.faults.cutAll();
    assert.equal((await ssh.status()).code, 255);
    await eventually("nobody is logged in", () => resume.stage.agent.connectionCount === 0);
  },
);

Deno.test({ name: "an ssh that leaves, however, is not held for (needs ssh)", ignore }, async () => {
  await using resume = await makeResumeStage();
  for (const signal of ["SIGTERM", "SIGKILL", "SIGHUP"] as const) {
    await using ssh = resume.ssh("cat");
    await ssh.write("x\n");
    await ssh.readUntil("x\n");
    ssh.child.kill(signal);
    await eventually(`nobody is logged in after ${signal}`, () => resume.stage.agent.connectionCount === 0);
    assert.equal(resume.stage.agent.heldCount, 0, signal);
  }
});

Deno.test(
  { name: "what runs for a client that does not come back is hung up after the time (needs ssh)", ignore },
  async () => {
    await using resume = await makeResumeStage({ limits: { resumeForMs: 1000 } });
    await using ssh = resume.ssh("cat");
    await ssh.write("x\n");
    await ssh.readUntil("x\n");
    Deno.kill(ssh.proxyPid(), "SIGKILL");
    await eventually("the session is held", () => resume.stage.agent.heldCount === 1);
    await eventually("the session is over", () => resume.stage.agent.connectionCount === 0);
    assert.equal(resume.stage.agent.heldCount, 0);
  },
);

Deno.test(
  { name: "an agent that was started anew tells a client that its session is gone (needs ssh)", ignore },
  async () => {
    await using other = await makeResumeStage();
    await using resume = await makeResumeStage();
    await using ssh = resume.ssh("cat");
    await ssh.write("x\n");
    await ssh.readUntil("x\n");
    resume.faults.turnTo(other.stage.port);
    resume.faults.cutAll();
    const { code, stderr } = await ssh.status();
    assert.equal(code, 255);
    assert.match(stderr, /^porthole: The session is gone: the agent does not know it any more\./);
  },
);
