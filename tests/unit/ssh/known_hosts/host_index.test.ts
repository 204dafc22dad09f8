import assert from "node:assert/strict";
import { generateEd25519 } from "../../../../src/ssh/keys/generate.ts";
import { hashHostName } from "../../../../src/ssh/known_hosts/hashed_name.ts";
import { HostIndex } from "../../../../src/ssh/known_hosts/host_index.ts";
import { parseKnownHosts } from "../../../../src/ssh/known_hosts/known_hosts_line.ts";

Deno.test("HostIndex finds plain, listed, negated, hashed and damaged names in the order of the lines", async () => {
  const { publicKey } = await generateEd25519();
  const hosts = [
    hashHostName("web1"),
    "WEB1,10.0.0.1",
    "web*,!web2",
    "web2",
    "|1|damaged|",
    "web1,web1",
    hashHostName("[web1]:2222"),
  ];
  const index = new HostIndex(parseKnownHosts(hosts.map((name) => `${name} ${publicKey}\n`).join(""), "file").entries);
  const linesOf = (name: string) => index.entriesOf(name).map(({ line }) => line);
  assert.deepEqual(linesOf("web1"), [1, 2, 3, 6]);
  assert.deepEqual(linesOf("web2"), [4]);
  assert.deepEqual(linesOf("10.0.0.1"), [2]);
  assert.deepEqual(linesOf("[web1]:2222"), [7]);
  assert.deepEqual(linesOf("db1"), []);
});

Deno.test("HostIndex compares three hundred names with three hundred hashed lines in less than five seconds", async () => {
  const { publicKey } = await generateEd25519();
  const names = Array.from({ length: 300 }, (_, at) => `web${at}`);
  const text = names.map((name) => `${hashHostName(name)} ${publicKey}\n`).join("");
  const index = new HostIndex(parseKnownHosts(text, "file").entries);
  const startedAt = performance.now();
  for (const name of names) assert.equal(index.entriesOf(name).length, 1, name);
  // With an HMAC of the runtime for each pair it is half a minute.
  assert.ok(performance.now() - startedAt < 5000);
});
