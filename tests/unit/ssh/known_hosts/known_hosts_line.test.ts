import assert from "node:assert/strict";
import { formatKnownHostsLine, parseKnownHosts } from "../../../../src/ssh/known_hosts/known_hosts_line.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

Deno.test("parseKnownHosts tells line, marker, hosts, key and comment", () => {
  const text =
    `# a comment\n\n  web1,10.0.0.1 ${KEY} added by hand\r\n@revoked\t*\t${KEY}\n@cert-authority *.x ${KEY}\n`;
  const { entries, badLines } = parseKnownHosts(text, "known_hosts");
  assert.deepEqual(badLines, []);
  assert.deepEqual(
    entries.map(({ line, marker, hosts, key }) => [line, marker, hosts, key.type, key.comment]),
    [
      [3, undefined, "web1,10.0.0.1", "ssh-ed25519", "added by hand"],
      [4, "@revoked", "*", "ssh-ed25519", ""],
      [5, "@cert-authority", "*.x", "ssh-ed25519", ""],
    ],
  );
});

Deno.test("parseKnownHosts passes over damaged lines and says which", () => {
  const text = `web1\nweb1 ${KEY.slice(0, 40)}\n@other web1 ${KEY}\nweb1 ssh-rsa ${KEY.split(" ")[1]}\nweb2 ${KEY}`;
  const { entries, badLines } = parseKnownHosts(text, "known_hosts");
  assert.deepEqual(badLines, [1, 2, 3, 4]);
  assert.deepEqual(entries.map(({ line }) => line), [5]);
});

Deno.test("formatKnownHostsLine drops the comment and refuses what is no key", () => {
  assert.equal(formatKnownHostsLine("run-1", `${KEY} root@pod`), `run-1 ${KEY}\n`);
  assert.throws(() => formatKnownHostsLine("run-1", "ssh-ed25519 AAAA"), { code: "key_invalid" });
});
