import assert from "node:assert/strict";
import { join } from "node:path";
import { generateEd25519, generateRsa } from "../../src/ssh/keys/generate.ts";
import { appendHostKey } from "../../src/ssh/known_hosts/append_host_key.ts";
import { loadKnownHosts } from "../../src/ssh/known_hosts/lookup_host_key.ts";
import { forgetHostKeys, recordHostKeys } from "../../src/ssh/known_hosts/record_host_keys.ts";
import { hasProgram } from "../support/programs.ts";
import { makeTempHome } from "../support/temp_home.ts";

async function keygen(...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout } = await new Deno.Command("ssh-keygen", { args, stdin: "null", stderr: "null" }).output();
  return { code, text: new TextDecoder().decode(stdout) };
}

Deno.test("KnownHosts.lookup tells match, changed, revoked and unknown, with file, line and both fingerprints", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, "known_hosts");
  const [good, other, bad] = [await generateEd25519(), await generateEd25519(), await generateEd25519()];
  await Deno.writeTextFile(
    path,
    `# mine\nweb1 ${good.publicKey}\n[web2]:2222 ${good.publicKey}\n@revoked * ${bad.publicKey}\nweb1 ${bad.publicKey}\n`,
  );
  const known = await loadKnownHosts([join(home.path, "missing"), path]);
  const line = (number: number, fingerprint: string) => ({ path, line: number, type: "ssh-ed25519", fingerprint });
  assert.deepEqual(await known.lookup({ host: "WEB1", blob: good.publicBlob }), {
    kind: "match",
    path,
    line: 2,
  });
  assert.deepEqual(await known.lookup({ host: "web1", blob: other.publicBlob }), {
    kind: "changed",
    known: line(2, good.fingerprint),
    offered: other.fingerprint,
  });
  assert.deepEqual(await known.lookup({ host: "web1", blob: bad.publicBlob }), {
    kind: "revoked",
    known: line(4, bad.fingerprint),
    offered: bad.fingerprint,
  });
  assert.deepEqual(await known.lookup({ host: "web3", blob: other.publicBlob }), {
    kind: "unknown",
    offered: other.fingerprint,
  });
  assert.equal((await known.lookup({ host: "web2", port: 2222, blob: good.publicBlob })).kind, "match");
  assert.equal((await known.lookup({ host: "web2", blob: good.publicBlob })).kind, "unknown");
  assert.equal((await known.lookup({ host: "web1", port: 2200, blob: good.publicBlob })).kind, "match");
  assert.equal((await known.lookup({ host: "web1", port: 2200, blob: other.publicBlob })).kind, "unknown");
  assert.equal(
    (await known.lookup({ host: "x", port: 99, hostKeyAlias: "web1", blob: good.publicBlob })).kind,
    "match",
  );
});

Deno.test("KnownHosts.lookup shows the line of the same type when a host has several keys", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, "known_hosts");
  const [rsa, ed, other] = [await generateRsa("", { bits: 2048 }), await generateEd25519(), await generateEd25519()];
  await Deno.writeTextFile(path, `web1 ${rsa.publicKey}\nweb1 ${ed.publicKey}\n`);
  const known = await loadKnownHosts([path]);
  const verdict = await known.lookup({ host: "web1", blob: other.publicBlob });
  assert.ok(verdict.kind === "changed");
  assert.equal(verdict.known.line, 2);
  assert.deepEqual(known.typesOf({ host: "web1" }), ["ssh-rsa", "ssh-ed25519"]);
});

Deno.test("recordHostKeys replaces the keys of one alias and leaves every other byte", async () => {
  await using home = await makeTempHome();
  const path = join(home.portholeHome, "known_hosts");
  const [one, two] = [await generateEd25519("root@pod"), await generateEd25519()];
  await recordHostKeys(path, { hostKeyAlias: "run-1", keys: [one.publicKey] });
  const line = (name: string, key: { publicKey: string }) =>
    `${name} ${key.publicKey.split(" ").slice(0, 2).join(" ")}\n`;
  assert.equal(await Deno.readTextFile(path), line("run-1", one));
  const odd = Uint8Array.of(0x23, 0xff, 0xfe, 0x0d, 0x0a);
  await Deno.writeFile(path, odd, { append: true });
  await recordHostKeys(path, { hostKeyAlias: "run-2", keys: [one.publicKey] });
  await recordHostKeys(path, { hostKeyAlias: "run-1", keys: [two.publicKey, one.publicKey] });
  const after = await Deno.readFile(path);
  const expected = new TextEncoder().encode(line("run-2", one) + line("run-1", two) + line("run-1", one));
  assert.deepEqual(after, new Uint8Array([...odd, ...expected]));
  await forgetHostKeys(path, { hostKeyAlias: "run-1" });
  assert.deepEqual(
    await Deno.readFile(path),
    new Uint8Array([...odd, ...new TextEncoder().encode(line("run-2", one))]),
  );
});

Deno.test("twenty recordHostKeys at once lose none", async () => {
  await using home = await makeTempHome();
  const path = join(home.portholeHome, "known_hosts");
  const { publicKey, publicBlob } = await generateEd25519();
  const names = Array.from({ length: 20 }, (_, index) => `run-${index}`);
  await Promise.all(names.map((hostKeyAlias) => recordHostKeys(path, { hostKeyAlias, keys: [publicKey] })));
  const known = await loadKnownHosts([path]);
  for (const hostKeyAlias of names) {
    assert.equal((await known.lookup({ host: "", hostKeyAlias, blob: publicBlob })).kind, "match");
  }
});

Deno.test("appendHostKey adds whole lines behind a file without a last newline, many at once", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, ".ssh", "known_hosts");
  const { publicKey, publicBlob } = await generateEd25519();
  await Deno.mkdir(join(home.path, ".ssh"));
  await Deno.writeTextFile(path, "# no newline here");
  const hosts = Array.from({ length: 20 }, (_, index) => `web${index}`);
  await Promise.all(
    hosts.map((host, index) =>
      appendHostKey(path, { host, port: index % 2 ? 22 : 2222, key: publicKey, hash: index % 3 === 0 })
    ),
  );
  const lines = (await Deno.readTextFile(path)).split("\n");
  assert.equal(lines.length, 22);
  assert.equal(lines[0], "# no newline here");
  const known = await loadKnownHosts([path]);
  for (const [index, host] of hosts.entries()) {
    assert.equal((await known.lookup({ host, port: index % 2 ? 22 : 2222, blob: publicBlob })).kind, "match");
  }
});

Deno.test("appendHostKey refuses a host that would stand for others", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, "known_hosts");
  const { publicKey } = await generateEd25519();
  await assert.rejects(appendHostKey(path, { host: "*", key: publicKey }), { code: "config_invalid" });
  await assert.rejects(appendHostKey(path, { host: "web1", key: "ssh-ed25519 x" }), { code: "key_invalid" });
  assert.deepEqual([...Deno.readDirSync(home.path)].map(({ name }) => name), []);
});

Deno.test({
  name: "ssh-keygen -F finds what was appended, and -H hashes what is still found (needs ssh-keygen)",
  ignore: !hasProgram("ssh-keygen"),
  fn: async () => {
    await using home = await makeTempHome();
    const path = join(home.path, "known_hosts");
    const { publicKey, publicBlob } = await generateEd25519();
    await appendHostKey(path, { host: "Web1.Example.com", key: publicKey });
    await appendHostKey(path, { host: "web2", port: 2222, key: publicKey, hash: true });
    assert.equal((await keygen("-F", "web1.example.com", "-f", path)).code, 0);
    assert.equal((await keygen("-F", "[web2]:2222", "-f", path)).code, 0);
    assert.equal((await keygen("-F", "web2", "-f", path)).code, 1);
    assert.equal((await keygen("-H", "-f", path)).code, 0);
    const known = await loadKnownHosts([path]);
    assert.equal((await known.lookup({ host: "web1.example.com", blob: publicBlob })).kind, "match");
    assert.equal((await known.lookup({ host: "web2", port: 2222, blob: publicBlob })).kind, "match");
  },
});
