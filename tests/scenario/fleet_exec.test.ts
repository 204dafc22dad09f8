import assert from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "../../src/base/errors.ts";
import { config } from "../../src/fleet/client.ts";
import { eventually, isAlive } from "../support/agent_stage.ts";
import { makeStage, sshdScenario as scenario } from "../support/fleet_stage.ts";
import { run, startSshd } from "../support/sshd.ts";
import { makeTempHome } from "../support/temp_home.ts";

scenario("a command's two outputs and its status come back", async () => {
  await using set = await makeStage();
  const [result] = await config(set.options()).exec("echo out; echo err >&2; exit 7");
  assert.equal(result?.stdout, "out\n");
  assert.equal(result?.stderr, "err\n");
  assert.equal(result?.code, 7);
  assert.equal(result?.ok, false);
  assert.equal(result?.error, undefined);
  assert.equal(result?.dryRun, false);
  assert.equal(result?.host, `127.0.0.1:${set.sshd.port}`);
});

scenario("folder, environment, arguments and stdin reach the command whole", async () => {
  await using set = await makeStage();
  const folder = join(set.home.path, "it's a folder");
  await Deno.mkdir(folder);
  const client = config(set.options({ cwd: folder, env: { A: "one two", B: "$HOME" } }));
  const [result] = await client.exec('pwd; echo "$A|$B"; cat; printf "<%s>"', { args: ["x y", "'"], stdin: "in\n" });
  assert.equal(result?.stdout, `${await Deno.realPath(folder)}\none two|$HOME\nin\n<x y><'>`);
});

scenario("three hosts give three results in their order, whatever happens to the one in the middle", async () => {
  await using set = await makeStage();
  const { port } = set.sshd;
  const hosts = [`127.0.0.1:${port}`, "127.0.0.1:1", `${set.sshd.user}@127.0.0.1:${port}`];
  const results = await config(set.options({ hosts })).exec("echo hi");
  assert.deepEqual(results.map(({ host, ok, stdout }) => [host, ok, stdout]), [
    [hosts[0], true, "hi\n"],
    ["127.0.0.1:1", false, ""],
    [hosts[2], true, "hi\n"],
  ]);
  assert.equal(results[1]?.error?.kind, "unreachable");
  assert.equal(results[1]?.code, null);
});

scenario("exec throws when no host can be reached, tryExec returns the same error", async () => {
  await using set = await makeStage();
  const client = config(set.options({ hosts: "127.0.0.1:1" }));
  await assert.rejects(client.exec("true"), {
    code: "dial_failed",
    message: 'Cannot connect to "127.0.0.1:1": connection refused',
  });
  const { ok, error } = await client.tryExec("true");
  assert.equal(ok, false);
  assert.equal(error?.code, "dial_failed");
});

scenario("exec throws for a key file that is not there, before anything is dialled", async () => {
  await using set = await makeStage();
  const client = config(set.options({ hosts: "nowhere.invalid", key: join(set.home.path, "no key") }));
  await assert.rejects(client.exec("true"), (error) => error instanceof AppError && error.code === "not_found");
});

scenario(
  "exec throws for an ssh_config that is named and not there, and a name that is none is that host's error",
  async () => {
    await using set = await makeStage();
    const sshConfigFile = join(set.home.path, "no config");
    const { error } = await config(set.options({ sshConfigFile })).tryExec("true");
    assert.equal(error?.message, `Cannot read "${sshConfigFile}" here: No such file or directory`);
    const hosts = [`127.0.0.1:${set.sshd.port}`, "two words"];
    const [good, bad] = await config(set.options({ hosts, sshConfigFile: "none" })).exec("true");
    assert.deepEqual([good?.ok, bad?.ok, bad?.error?.kind], [true, false, "unreachable"]);
  },
);

scenario("a wrong key is told as auth, with what was tried and what the server takes", async () => {
  await using set = await makeStage();
  const key = join(set.home.path, "other");
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  const { error } = await config(set.options({ key })).tryExec("true");
  assert.equal(error?.code, "auth_denied");
  assert.match(error?.message ?? "", /tried key ".*other"; the server takes publickey/);
});

scenario("a wrong password is told as auth and stands in no message", async () => {
  await using set = await makeStage({ config: ["KbdInteractiveAuthentication no"] });
  const { key: _, ...options } = set.options({ password: "s3cret-word" });
  const { error } = await config(options).tryExec("true");
  assert.equal(error?.code, "auth_denied");
  assert.doesNotMatch(JSON.stringify(error), /s3cret-word/);
});

scenario("an encrypted key opens with its passphrase, and says so when it is missing or wrong", async () => {
  await using set = await makeStage();
  const key = join(set.home.path, "sealed");
  await Deno.copyFile(set.sshd.keyPath, key);
  await Deno.chmod(key, 0o600);
  await run("ssh-keygen", ["-q", "-p", "-N", "open sesame", "-f", key]);
  const [result] = await config(set.options({ auth: { passphrase: "open sesame" }, key })).exec("echo in");
  assert.equal(result?.stdout, "in\n");
  const asked: string[] = [];
  const prompt = ({ text }: { text: string }) => {
    asked.push(text);
    return Promise.resolve("open sesame");
  };
  const twice = [`127.0.0.1:${set.sshd.port}`, `127.0.0.1:${set.sshd.port}`];
  const results = await config(set.options({ hosts: twice, auth: { prompt }, key })).exec("true");
  assert.deepEqual(results.map(({ ok }) => ok), [true, true]);
  assert.deepEqual(asked, [`Passphrase for ${key}: `]);
  for (const auth of [{}, { passphrase: "wrong" }]) {
    await assert.rejects(config(set.options({ auth, key })).exec("true"), { code: "key_invalid" });
  }
});

scenario("a host key that changed is refused with both fingerprints and the line", async () => {
  await using set = await makeStage();
  await using other = await startSshd(set.home.path);
  const file = join(set.home.path, "changed");
  await Deno.writeTextFile(file, `# a comment\n[127.0.0.1]:${set.sshd.port} ${other.hostKey}\n`);
  const { error } = await config(set.options({ knownHostsFile: file })).tryExec("true");
  assert.equal(error?.code, "host_key_mismatch");
  assert.match(
    error?.message ?? "",
    /changed: .*changed:2 has ssh-ed25519 SHA256:\S+, the host showed ssh-ed25519 SHA256:/,
  );
  const [known, shown] = [...(error?.message ?? "").matchAll(/SHA256:\S{43}/g)].map(([text]) => text);
  assert.notEqual(known, shown);
});

scenario("a host key that is not known is refused; accept-new files it; then it is known", async () => {
  await using set = await makeStage();
  const knownHostsFile = join(set.home.path, "new", "known_hosts");
  const strict = config(set.options({ knownHostsFile }));
  assert.equal((await strict.tryExec("true")).error?.code, "host_key_unknown");
  const twice = [`127.0.0.1:${set.sshd.port}`, `127.0.0.1:${set.sshd.port}`];
  await config(set.options({ hosts: twice, knownHostsFile, hostKeyCheck: "accept-new" })).exec("true");
  assert.equal(await Deno.readTextFile(knownHostsFile), `[127.0.0.1]:${set.sshd.port} ${set.sshd.hostKey}\n`);
  assert.equal((await strict.tryExec("true")).ok, true);
});

scenario("with the check switched off by name any host key will do", async () => {
  await using set = await makeStage();
  const knownHostsFile = join(set.home.path, "none");
  const [result] = await config(set.options({ knownHostsFile, hostKeyCheck: false })).exec("echo in");
  assert.equal(result?.stdout, "in\n");
});

Deno.test("a host that accepts and says nothing is a timeout, and holds up nobody else", async () => {
  await using home = await makeTempHome();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hosts = [`127.0.0.1:${silent.addr.port}`, "127.0.0.1:1"];
  const client = config({ hosts, user: "me", password: "x", timeout: "300ms", environment: home.environment() });
  const { error } = await client.tryExec("true");
  assert.equal(error?.code, "timeout");
  assert.match(error?.message ?? "", /Gave up the SSH handshake with "127.0.0.1:\d+" after 300ms/);
  const told = error?.details?.hosts as ReadonlyArray<{ kind: string }>;
  assert.deepEqual(told.map(({ kind }) => kind), ["timeout", "unreachable"]);
});

Deno.test("a port where something else answers is unreachable, with what was wrong", async () => {
  await using home = await makeTempHome();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = (async () => {
    using conn = await listener.accept();
    await conn.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await conn.read(new Uint8Array(1024));
  })();
  const hosts = `127.0.0.1:${listener.addr.port}`;
  const client = config({ hosts, user: "me", password: "x", maxRetries: 0, environment: home.environment() });
  const { error } = await client.tryExec("true");
  assert.equal(error?.code, "handshake_failed");
  await answering;
});

scenario("a command past its time is killed on the far end, and what it said until then is kept", async () => {
  await using set = await makeStage();
  const mark = join(set.home.path, "pid");
  const [result] = await config(set.options()).exec(`echo early; echo $$ > ${mark}; exec sleep 300`, {
    timeout: "3s",
  });
  assert.equal(result?.error?.kind, "timeout");
  assert.equal(result?.stdout, "early\n");
  assert.equal(result?.code, null);
  const pid = Number(await Deno.readTextFile(mark));
  await eventually("the remote command has ended", () => !isAlive(pid));
});

scenario("aborting the call cancels the commands that run and starts no others", async () => {
  await using set = await makeStage();
  const host = `127.0.0.1:${set.sshd.port}`;
  const controller = new AbortController();
  const client = config(set.options({ hosts: [host, host], maxWorkers: 1 }));
  const seen: string[] = [];
  for await (const event of client.execEvents("echo up; exec sleep 300", { signal: controller.signal })) {
    if (event.type === "stdout") controller.abort(new AppError("cancelled", "Cancelled"));
    if (event.type === "result") seen.push(event.result.error?.message ?? "");
  }
  assert.deepEqual(seen, ["Cancelled", "Not started: the call was cancelled"]);
});

scenario("leaving the events early ends the command", async () => {
  await using set = await makeStage();
  let pid = 0;
  for await (const event of config(set.options()).execEvents("echo $$; exec sleep 300")) {
    if (event.type !== "stdout") continue;
    pid = Number(new TextDecoder().decode(event.bytes));
    break;
  }
  assert.ok(pid > 0);
  await eventually("the remote command has ended", () => !isAlive(pid));
});

scenario("output beyond the bound goes to a file that holds all of it, until the client is closed", async () => {
  await using set = await makeStage();
  let path = "";
  {
    await using client = config(set.options({ maxOutputBytes: 1000 }));
    const [result] = await client.exec("head -c 3000000 /dev/zero | tr '\\0' x");
    path = result?.stdoutFile ?? "";
    assert.equal(result?.stdout, "x".repeat(1000));
    assert.equal((await Deno.stat(path)).size, 3_000_000);
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  }
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
});

scenario("with canaries and with onError stop, no further host starts after one failed", async () => {
  await using set = await makeStage();
  const host = `127.0.0.1:${set.sshd.port}`;
  for (const more of [{ canary: 1 }, { onError: "stop", execPolicy: "linear" }] as const) {
    const results = await config(set.options({ hosts: [host, host, host], ...more })).exec("exit 1");
    assert.deepEqual(results.map(({ code, error }) => [code, error?.kind]), [
      [1, undefined],
      [null, "cancelled"],
      [null, "cancelled"],
    ]);
  }
});

scenario("a dry run dials nobody and shows what would be sent", async () => {
  await using home = await makeTempHome();
  const client = config({
    hosts: "nowhere.invalid",
    dryRun: true,
    sudo: true,
    cwd: "/srv",
    environment: home.environment(),
  });
  const [result] = await client.exec("id");
  assert.equal(result?.command, "cd /srv && sudo sh -c id");
  assert.deepEqual([result?.ok, result?.dryRun, result?.code], [true, true, 0]);
});

scenario("kept connections serve several calls with one log-in", async () => {
  await using set = await makeStage();
  await using client = config(set.options({ keepConnections: true }));
  const sessions = [];
  for (let call = 0; call < 2; call++) sessions.push((await client.exec("echo $PPID $SSH_CONNECTION"))[0]?.stdout);
  assert.equal(sessions[0], sessions[1]);
  assert.notEqual(sessions[0], "");
});

scenario("the way leads through two jump hosts, whose keys are checked too", async () => {
  await using set = await makeStage();
  await using first = await startSshd(set.home.path);
  await using second = await startSshd(set.home.path);
  const knownHostsFile = join(set.home.path, "all");
  const lines = [set.sshd, first, second].map(({ port, hostKey }) => `[127.0.0.1]:${port} ${hostKey}\n`);
  await Deno.writeTextFile(knownHostsFile, lines.join(""));
  const jump = [first, second].map(({ port, keyPath: key, user }) => ({ host: "127.0.0.1", port, key, user }));
  const hosts = [`127.0.0.1:${set.sshd.port}`, `127.0.0.1:${set.sshd.port}`];
  const results = await config(set.options({ hosts, knownHostsFile, jump })).exec("echo $SSH_CONNECTION");
  assert.deepEqual(results.map(({ ok }) => ok), [true, true]);
  await Deno.writeTextFile(knownHostsFile, lines.toSpliced(1, 1).join(""));
  const { error } = await config(set.options({ knownHostsFile, jump })).tryExec("true");
  assert.equal(error?.code, "host_key_unknown");
  assert.match(error?.message ?? "", /^Jump host "127.0.0.1": .*Jump host|^Jump host "127.0.0.1": The host key/);
});
