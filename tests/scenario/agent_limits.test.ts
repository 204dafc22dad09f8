import assert from "node:assert/strict";
import { join } from "node:path";
import { generateKey } from "../../src/ssh/keys/generate.ts";
import { eventually, makeAgentStage } from "../support/agent_stage.ts";
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
  assert.match(stderr, /disconnect|No supported authentication methods|Connection closed/i);
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
  assert.equal((await stage.ssh(["-S", socket, "x@127.0.0.1", "true"])).code, 255);
  assert.match(stage.notices.join("\n"), /1 are open already/);
  assert.equal(stage.agent.connectionCount, 1);
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

scenario("what a session ends with does not end the agent", async () => {
  await using stage = await makeAgentStage({ cwd: "/nonexistent/folder" });
  assert.equal((await stage.ssh(["x@127.0.0.1", "true"])).code, 127);
  assert.equal((await stage.ssh(["-tt", "x@127.0.0.1", "true"])).code, 127);
  assert.equal(await (await fetch(`http://127.0.0.1:${stage.port}/`)).text(), "ok");
});
