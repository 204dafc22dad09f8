import assert from "node:assert/strict";
import { join } from "node:path";
import { type FleetOptions, ssh } from "../../src/fleet/mod.ts";
import { testKey, type TestServer, testServer } from "../../src/testing/mod.ts";
import { makeTempHome, type TempHome } from "../support/temp_home.ts";

/** A client's options for `server`, which it knows. */
async function optionsFor(server: TestServer, home: TempHome): Promise<FleetOptions> {
  const knownHostsFile = join(home.path, `known_hosts-${server.port}`);
  await Deno.writeTextFile(knownHostsFile, `${server.knownHostsLine}\n`);
  const environment = home.environment();
  return { hosts: server.addr, user: server.user, knownHostsFile, environment, sshConfigFile: false, maxRetries: 0 };
}

Deno.test("a password lets in", async () => {
  await using home = await makeTempHome();
  await using server = await testServer({ user: "testuser", password: "testpass" }).start();
  server.handleExec((command) => [`ran ${command}\n`, "", 0]);
  const [result] = await ssh.config({ ...await optionsFor(server, home), password: "testpass" }).exec("whoami");
  assert.equal(result?.stdout, "ran whoami\n");
  assert.equal(result?.ok, true);
  assert.deepEqual(server.eventsOf("authentication").at(-1)?.outcome, "accepted");
});

Deno.test("a key lets in, and the server tells which one it was", async () => {
  await using home = await makeTempHome();
  await using key = await testKey();
  await using server = await testServer({ user: "testuser" }).start();
  server.handleExec(() => ["hello\n", "", 0]);
  const [result] = await ssh.config({ ...await optionsFor(server, home), key: key.path }).exec("echo hello");
  assert.equal(result?.stdout, "hello\n");
  const [login] = server.eventsOf("authentication").filter(({ outcome }) => outcome === "accepted");
  assert.equal(login?.fingerprint, key.fingerprint);
});

Deno.test("a wrong password is refused as auth", async () => {
  await using home = await makeTempHome();
  await using server = await testServer({ user: "testuser", password: "right" }).start();
  const client = ssh.config({ ...await optionsFor(server, home), password: "wrong" });
  await assert.rejects(client.exec("true"), { code: "auth_denied" });
  const { error } = await client.tryExec("true");
  assert.equal(error?.code, "auth_denied");
  assert.deepEqual(server.commands, []);
});

Deno.test("a server without credentials lets no key in but those of testKey", async () => {
  await using home = await makeTempHome();
  await using server = await testServer({ user: "testuser" }).start();
  const { path } = await ssh.keygen({ path: join(home.path, "stranger") });
  assert.ok(path);
  const { error } = await ssh.config({ ...await optionsFor(server, home), key: path }).tryExec("true");
  assert.equal(error?.code, "auth_denied");
});

Deno.test("a status other than 0 is a result, no exception", async () => {
  await using home = await makeTempHome();
  await using server = await testServer({ password: "p" }).start();
  server.handleExec(() => ["", "no such thing\n", 42]);
  const [result] = await ssh.config({ ...await optionsFor(server, home), password: "p" }).exec("look");
  assert.deepEqual([result?.ok, result?.code, result?.stderr], [false, 42, "no such thing\n"]);
});

Deno.test("three hosts give three results, each its own", async () => {
  await using home = await makeTempHome();
  await using key = await testKey();
  await using stack = new AsyncDisposableStack();
  const servers = [];
  for (const name of ["one", "two", "three"]) {
    const server = stack.use(await testServer({ key }).start());
    server.handleExec(() => [`${name}\n`, "", 0]);
    servers.push(server);
  }
  const knownHostsFile = join(home.path, "known_hosts");
  await Deno.writeTextFile(knownHostsFile, servers.map(({ knownHostsLine }) => `${knownHostsLine}\n`).join(""));
  const hosts = servers.map(({ addr }) => addr);
  const options = { hosts, user: "testuser", key: key.path, knownHostsFile, sshConfigFile: false as const };
  const results = await ssh.config({ ...options, environment: home.environment() }).exec("hostname");
  assert.deepEqual(results.map(({ host, stdout }) => [host, stdout]), [
    [hosts[0], "one\n"],
    [hosts[1], "two\n"],
    [hosts[2], "three\n"],
  ]);
  assert.deepEqual(servers.map(({ commands }) => commands.map(({ command }) => command)), [
    ["hostname"],
    ["hostname"],
    ["hostname"],
  ]);
});

Deno.test("an uploaded file is there with its content and mode", async () => {
  await using home = await makeTempHome();
  await using server = await testServer({ password: "p" }).start();
  const source = join(home.path, "app.conf");
  await Deno.writeTextFile(source, "key = value\n");
  const client = ssh.config({ ...await optionsFor(server, home), password: "p" });
  const [result] = await client.upload(source, "/etc/app/app.conf", { mode: "0640" });
  assert.deepEqual([result?.ok, result?.bytes, result?.dst], [true, 12, "/etc/app/app.conf"]);
  const { path, content, mode } = server.uploaded("/etc/app/app.conf") ?? assert.fail("nothing was uploaded");
  assert.deepEqual({ path, content, mode }, { path: "/etc/app/app.conf", content: "key = value\n", mode: "0640" });
  assert.equal(server.uploaded("/etc/other"), undefined);
});

Deno.test("a file of the server can be downloaded, and is no upload", async () => {
  await using home = await makeTempHome();
  await using server = await testServer({ password: "p" }).start();
  server.addFile("/var/log/app.log", "line 1\nline 2\n", "0600");
  const target = join(home.path, "app.log");
  const client = ssh.config({ ...await optionsFor(server, home), password: "p" });
  const [result] = await client.download("/var/log/app.log", target);
  assert.equal(result?.ok, true);
  assert.equal(await Deno.readTextFile(target), "line 1\nline 2\n");
  assert.equal(server.uploaded("/var/log/app.log"), undefined);
});

Deno.test("keyscan shows the key that the server tells of", async () => {
  await using server = await testServer().start();
  const [key] = await ssh.keyscan({ hosts: server.addr });
  assert.equal(key?.publicKey, server.hostKey);
  assert.equal(key?.fingerprint, server.fingerprint);
  assert.equal(key?.line, server.knownHostsLine);
});

Deno.test("with strict checking a host that is not in known_hosts is refused, and let in once it is", async () => {
  await using home = await makeTempHome();
  await using server = await testServer({ password: "p" }).start();
  const options = { ...await optionsFor(server, home), password: "p" };
  const empty = join(home.path, "empty");
  await Deno.writeTextFile(empty, "");
  const strict = ssh.config({ ...options, hostKeyCheck: true, knownHostsFile: empty });
  assert.equal((await strict.tryExec("true")).error?.code, "host_key_unknown");
  await ssh.keyscan({ hosts: server.addr, save: true, path: empty });
  assert.equal((await strict.exec("true"))[0]?.ok, true);
});

Deno.test("a key check says no before the key is added and yes after", async () => {
  await using home = await makeTempHome();
  await using server = await testServer({ password: "p" }).start();
  await using key = await testKey();
  const client = ssh.config({ ...await optionsFor(server, home), password: "p" });
  const before = await client.keyCheck({ key: key.publicKeyPath });
  assert.deepEqual(before.map(({ ok, accepted }) => [ok, accepted]), [[true, false]]);
  server.addAuthorizedKey(key.publicKey);
  const [after] = await client.keyCheck({ key: key.publicKeyPath });
  assert.deepEqual([after?.ok, after?.accepted, after?.fingerprint], [true, true, key.fingerprint]);
});

Deno.test("copy-id adds a key, then sees that it is there, by the file and by asking", async () => {
  await using home = await makeTempHome();
  await using server = await testServer({ password: "p" }).start();
  await using key = await testKey();
  const client = ssh.config({ ...await optionsFor(server, home), password: "p" });
  const copy = async (keyCheck: boolean) => (await client.copyId({ key: key.publicKeyPath, keyCheck }))[0];
  assert.equal((await copy(false))?.added, true);
  const again = await copy(false);
  assert.deepEqual([again?.ok, again?.added], [true, false]);
  assert.equal(server.commands.length, 2);
  assert.equal((await copy(true))?.added, false);
  assert.equal(server.commands.length, 2);
  const withKey = ssh.config({ ...await optionsFor(server, home), key: key.path });
  assert.equal((await withKey.exec("true"))[0]?.ok, true);
});

Deno.test("a port that was closed is unreachable", async () => {
  await using home = await makeTempHome();
  await using server = await testServer({ password: "p" }).start();
  const client = ssh.config({ ...await optionsFor(server, home), password: "p" });
  await server.shutdown();
  const { error } = await client.tryExec("true");
  assert.equal(error?.code, "dial_failed");
  assert.match(error?.message ?? "", /connection refused/);
});

Deno.test("copy-id with a key check needs no log-in where the key is taken", async () => {
  await using home = await makeTempHome();
  await using taken = await testServer({ user: "deploy" }).start();
  await using missing = await testServer({ user: "deploy" }).start();
  const { publicKey } = await ssh.keygen();
  taken.addAuthorizedKey(publicKey);
  const hosts = [taken.addr, missing.addr];
  const client = ssh.config({ ...await optionsFor(taken, home), hosts, hostKeyCheck: false });
  const [there, refused] = await client.copyId(publicKey, { keyCheck: true });
  assert.deepEqual([there?.ok, there?.added, there?.user], [true, false, "deploy"]);
  assert.deepEqual([refused?.ok, refused?.error?.kind], [false, "auth"]);
  assert.deepEqual([...taken.commands, ...missing.commands], []);
});

Deno.test("copy-id puts what is missing to the prompt that it was given", async () => {
  await using home = await makeTempHome();
  await using server = await testServer({ password: "p" }).start();
  const { publicKey } = await ssh.keygen();
  const prompt = () => Promise.resolve("p");
  const client = ssh.config(await optionsFor(server, home));
  assert.equal((await client.tryCopyId(publicKey)).error?.code, "auth_denied");
  assert.equal((await client.copyId({ key: publicKey, prompt }))[0]?.added, true);
  assert.equal((await client.keyCheck(publicKey))[0]?.accepted, true);
  const again = await ssh.copyId({ ...await optionsFor(server, home), key: publicKey, password: "p" });
  assert.deepEqual(again.map(({ ok, added }) => [ok, added]), [[true, false]]);
});

Deno.test("the try twins of scans and key checks return what is thrown", async () => {
  await using home = await makeTempHome();
  const options = { hosts: "127.0.0.1", port: 1, environment: home.environment(), timeout: "200ms", maxRetries: 0 };
  const scanned = await ssh.tryKeyscan(options);
  assert.deepEqual([scanned.ok, scanned.error?.code], [false, "dial_failed"]);
  assert.equal((await ssh.config(options).tryKeyscan()).ok, false);
  const { publicKey: key, type } = await ssh.keygen({ type: "ed25519" });
  assert.equal(type, "ed25519");
  const checked = await ssh.tryKeyCheck({ ...options, key, user: "u", hostKeyCheck: false });
  assert.deepEqual(checked.value?.map(({ ok, error }) => [ok, error?.kind]), [[false, "unreachable"]]);
  assert.equal((await ssh.tryKeyCheck({ ...options, key: "~/no key" })).error?.code, "not_found");
});

Deno.test("what is to be tried next names the port, the user and the file", async () => {
  await using home = await makeTempHome();
  await using server = await testServer({ user: "me", password: "p" }).start();
  const known = await optionsFor(server, home);
  const { port } = server;
  const options = { ...known, hosts: "127.0.0.1", port };
  const denied = await ssh.config({ ...options, password: "wrong" }).tryExec("true");
  assert.equal(denied.error?.hint, `See what ssh says: ssh -v -p ${port} me@127.0.0.1`);
  const empty = join(home.path, "empty");
  const unknown = await ssh.config({ ...options, knownHostsFile: empty }).tryExec("true");
  const command = `porthole keyscan --save --known-hosts ${empty} 127.0.0.1:${port}`;
  assert.equal(unknown.error?.hint, `Compare the fingerprint, then add it: ${command}`);
});

Deno.test("hosts of one name on different ports are different hosts, with connections that are kept, too", async () => {
  await using home = await makeTempHome();
  await using one = await testServer({ password: "p" }).start();
  await using two = await testServer({ password: "p" }).start();
  for (const [name, server] of Object.entries({ one, two })) {
    server.handleExec(() => [name, "", 0]);
    server.addFile("/it", name);
  }
  const hosts = [one, two].map(({ port }) => ({ host: "127.0.0.1", port }));
  const options = { ...await optionsFor(one, home), hosts, password: "p", hostKeyCheck: false, keepConnections: true };
  await using client = ssh.config(options);
  for (let round = 0; round < 2; round++) {
    assert.deepEqual((await client.exec("which")).map(({ stdout }) => stdout), ["one", "two"]);
  }
  const files = await client.download("/it", join(home.path, "it"));
  assert.deepEqual(await Promise.all(files.map(({ dst }) => Deno.readTextFile(dst))), ["one", "two"]);
});
