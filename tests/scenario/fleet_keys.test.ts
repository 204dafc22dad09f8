import assert from "node:assert/strict";
import { join } from "node:path";
import { config, keygen, ssh } from "../../src/fleet/mod.ts";
import { makeStage, sshdScenario as scenario } from "../support/fleet_stage.ts";
import { hasProgram } from "../support/programs.ts";
import { run, startSshd } from "../support/sshd.ts";
import { makeTempHome } from "../support/temp_home.ts";

scenario("keyscan shows what ssh-keyscan shows", async () => {
  await using set = await makeStage();
  const { port } = set.sshd;
  const [key, ...more] = await config(set.options()).keyscan();
  assert.deepEqual(more, []);
  assert.equal(key?.publicKey, set.sshd.hostKey);
  assert.equal(key?.type, "ssh-ed25519");
  assert.equal(key?.port, port);
  const { error } = await config(set.options()).tryKeyscan({ type: "rsa" });
  assert.equal(error?.code, "not_found");
  assert.match(error?.message ?? "", /^"127.0.0.1:\d+" shows no host key of the type that was asked for: ssh-rsa$/);
  const theirs = await run("ssh-keyscan", ["-t", "ed25519", "-p", `${port}`, "127.0.0.1"]);
  assert.equal(`${key?.line}\n`, theirs.split("\n").filter((line) => !line.startsWith("#")).join("\n"));
  const pub = join(set.home.path, "host.pub");
  await Deno.writeTextFile(pub, key?.publicKey ?? "");
  assert.match(await run("ssh-keygen", ["-l", "-f", pub]), new RegExp(key?.fingerprint.replaceAll("+", "\\+") ?? "x"));
});

scenario("keyscan saves a key once, hashed if asked, and then the strict check passes", async () => {
  await using set = await makeStage();
  const path = join(set.home.path, "scanned");
  for (let round = 0; round < 2; round++) await config(set.options()).keyscan({ save: true, path, hash: true });
  const lines = (await Deno.readTextFile(path)).trim().split("\n");
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^\|1\|/);
  const [result] = await config(set.options({ knownHostsFile: path })).exec("echo in");
  assert.equal(result?.stdout, "in\n");
});

scenario("keyscan saves no key over another of the same type", async () => {
  await using set = await makeStage();
  await using other = await startSshd(set.home.path);
  const path = join(set.home.path, "other");
  await Deno.writeTextFile(path, `[127.0.0.1]:${set.sshd.port} ${other.hostKey}\n`);
  const [result] = await config(set.options()).keyscanHosts({ save: true, path });
  assert.equal(result?.error?.kind, "host_key");
  assert.equal((await Deno.readTextFile(path)).trim().split("\n").length, 1);
});

scenario("keyscan of a closed port throws, and keyscanHosts has a result for every host", async () => {
  await using set = await makeStage();
  const hosts = ["127.0.0.1:1", `127.0.0.1:${set.sshd.port}`];
  const results = await config(set.options({ hosts })).keyscanHosts();
  assert.deepEqual(results.map(({ ok, keys, error }) => [ok, keys.length, error?.kind]), [
    [false, 0, "unreachable"],
    [true, 1, undefined],
  ]);
  const { environment } = set.options();
  await assert.rejects(ssh.keyscan({ hosts: "127.0.0.1:1", environment: environment ?? {} }), { code: "dial_failed" });
});

scenario("keyCheck tells whether a key would be taken, before and after it was added", async () => {
  await using set = await makeStage();
  const key = join(set.home.path, "new");
  const pair = await keygen({ path: key, comment: "new" });
  const client = config(set.options());
  const [before] = await client.keyCheck({ key });
  assert.deepEqual([before?.ok, before?.accepted, before?.fingerprint], [true, false, pair.fingerprint]);
  const authorized = join(set.sshd.folder, "authorized_keys");
  await Deno.writeTextFile(authorized, `${pair.publicKey}\n`, { append: true });
  const [after] = await client.keyCheck({ key: pair.publicKey });
  assert.deepEqual([after?.ok, after?.accepted, after?.user], [true, true, set.sshd.user]);
});

scenario("keyCheck has an error, not a no, for a host that cannot be asked", async () => {
  await using set = await makeStage();
  const [result] = await config(set.options({ hosts: "127.0.0.1:1" })).keyCheck({ key: set.sshd.keyPath });
  assert.deepEqual([result?.ok, result?.accepted, result?.error?.kind], [false, false, "unreachable"]);
});

/** Makes sshd run every command in a home of the test's, for an account that has no other. */
async function forceHome(home: string): Promise<string> {
  const bin = join(home, "bin");
  await Deno.mkdir(bin);
  await Deno.writeTextFile(join(bin, "id"), "#!/bin/sh\necho no-such-account\n", { mode: 0o755 });
  const script = join(bin, "force");
  const line = `exec env HOME=${home} PATH=${bin}:/usr/bin:/bin sh -c "$SSH_ORIGINAL_COMMAND"`;
  await Deno.writeTextFile(script, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  return `ForceCommand ${script}`;
}

scenario("copyId adds a key once, whatever the file looked like, and the key then logs in", async () => {
  await using home = await makeTempHome();
  const file = `${home.path}/.ssh/authorized_keys`;
  await using set = await makeStage({ config: [`AuthorizedKeysFile ${file}`, await forceHome(home.path)] });
  await Deno.mkdir(join(home.path, ".ssh"), { mode: 0o700 });
  // No newline at its end: a line that is added must not be glued to it.
  await Deno.writeTextFile(file, (await Deno.readTextFile(`${set.sshd.keyPath}.pub`)).trim());
  const key = join(home.path, "new");
  await keygen({ path: key });
  const client = config(set.options());
  const [first] = await client.copyId({ key });
  assert.deepEqual([first?.ok, first?.added, first?.error], [true, true, undefined]);
  for (const keyCheck of [false, true]) {
    const [again] = await client.copyId({ key, keyCheck });
    assert.deepEqual([again?.ok, again?.added, again?.user], [true, false, set.sshd.user]);
  }
  assert.equal((await Deno.readTextFile(file)).trim().split("\n").length, 2);
  const [result] = await config(set.options({ key })).exec("echo in");
  assert.equal(result?.stdout, "in\n");
});

scenario("copyId in a dry run and with a key that is not there changes nothing", async () => {
  await using home = await makeTempHome();
  await using set = await makeStage({ config: [await forceHome(home.path)] });
  const client = config(set.options());
  const [pretended] = await client.copyId({ key: set.sshd.keyPath, dryRun: true });
  assert.deepEqual([pretended?.ok, pretended?.dryRun], [true, true]);
  await assert.rejects(client.copyId({ key: join(home.path, "no key") }), { code: "not_found" });
  await assert.rejects(Deno.stat(`${home.path}/.ssh`), Deno.errors.NotFound);
});

for (const bits of [384, 521]) {
  Deno.test({
    name: `keygen makes an ecdsa key of ${bits} bits that ssh-keygen reads (needs ssh-keygen)`,
    ignore: !hasProgram("ssh-keygen"),
    async fn() {
      await using home = await makeTempHome();
      const pair = await keygen({ type: "ecdsa", bits, path: "~/key", environment: { HOME: home.path } });
      assert.deepEqual([pair.type, pair.path], ["ecdsa", join(home.path, "key")]);
      assert.equal((await run("ssh-keygen", ["-y", "-f", join(home.path, "key")])).trim(), pair.publicKey);
    },
  });
}

for (const type of ["ed25519", "ecdsa", "rsa"] as const) {
  Deno.test({
    name: `keygen makes an ${type} key that ssh-keygen reads (needs ssh-keygen)`,
    ignore: !hasProgram("ssh-keygen"),
    async fn() {
      await using home = await makeTempHome();
      const path = join(home.path, "sub", "key");
      const pair = await keygen({ type, path, comment: "a comment", passphrase: "pass" });
      assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
      const told = await run("ssh-keygen", ["-y", "-P", "pass", "-f", path]);
      assert.equal(told.trim(), pair.publicKey);
      await assert.rejects(keygen({ type, path }), { code: "already_exists" });
      await assert.rejects(keygen({ type, bits: 1024 }), { code: "usage" });
      assert.notEqual((await keygen({ type, path, overwrite: true })).publicKey, pair.publicKey);
    },
  });
}
