import assert from "node:assert/strict";
import { findAuthorizedKey, parseAuthorizedKeys } from "../../../src/agent/authorized_keys.ts";
import { generateKey } from "../../../src/ssh/keys/generate.ts";

const { publicKey, publicBlob } = await generateKey("ed25519");
const now = new Date("2026-01-01T00:00:00Z");

function restrictionsOf(line: string) {
  return findAuthorizedKey(parseAuthorizedKeys(line, "test").keys, { type: "ssh-ed25519", blob: publicBlob, now });
}

Deno.test("parseAuthorizedKeys takes keys, and passes over comments and blank lines", () => {
  const { keys, refused } = parseAuthorizedKeys(`# me\n\n  ${publicKey} me@host\r\n\t# not me\n`, "test");
  assert.deepEqual(refused, []);
  assert.equal(keys.length, 1);
  assert.equal(keys[0]?.comment, "me@host");
});

Deno.test("parseAuthorizedKeys keeps restrictions", () => {
  const open = {
    allowsPty: true,
    allowsPortForwarding: true,
    allowsAgentForwarding: true,
    command: undefined,
    expiresAt: undefined,
  };
  assert.deepEqual(restrictionsOf(publicKey), open);
  assert.deepEqual(restrictionsOf(`no-pty,no-X11-forwarding ${publicKey}`), { ...open, allowsPty: false });
  assert.deepEqual(restrictionsOf(`no-port-forwarding,no-agent-forwarding ${publicKey}`), {
    ...open,
    allowsPortForwarding: false,
    allowsAgentForwarding: false,
  });
  assert.deepEqual(restrictionsOf(`restrict,pty ${publicKey}`), {
    ...open,
    allowsPortForwarding: false,
    allowsAgentForwarding: false,
  });
  assert.deepEqual(restrictionsOf(`command="say \\"a, b\\" c" ${publicKey}`), { ...open, command: 'say "a, b" c' });
});

Deno.test("findAuthorizedKey refuses an expired key and another's", () => {
  assert.equal(restrictionsOf(`expiry-time="20251231Z" ${publicKey}`), undefined);
  assert.ok(restrictionsOf(`expiry-time="202612312359Z" ${publicKey}`));
  const { keys } = parseAuthorizedKeys(publicKey, "test");
  assert.equal(findAuthorizedKey(keys, { type: "ssh-ed25519", blob: new Uint8Array(51), now }), undefined);
  assert.equal(findAuthorizedKey(keys, { type: "ssh-rsa", blob: publicBlob, now }), undefined);
});

Deno.test("parseAuthorizedKeys refuses a line whose restriction it cannot keep", () => {
  const lines = [
    `from="10.0.0.0/8" ${publicKey}`,
    `permitopen="host:1" ${publicKey}`,
    `cert-authority ${publicKey}`,
    `environment="A=b" ${publicKey}`,
    `command ${publicKey}`,
    `expiry-time="soon" ${publicKey}`,
    `ssh-dss AAAAB3NzaC1kc3MAAAAA`,
    `ssh-ed25519 AAAA`,
    "nonsense",
  ];
  const { keys, refused } = parseAuthorizedKeys(lines.join("\n"), "FILE");
  assert.equal(keys.length, 0);
  assert.equal(refused.length, lines.length);
  assert.equal(refused[0], 'line 1 of FILE: the option "from" is not supported here');
});

Deno.test("parseAuthorizedKeys is done at once with a line of backslashes and quotes", () => {
  const startedAt = performance.now();
  for (const piece of ['\\"', '"\\"', "a\\", '\\"\\', '","']) {
    parseAuthorizedKeys(`command="${piece.repeat(20_000)} x`, "keys");
  }
  assert.ok(performance.now() - startedAt < 2000);
});

Deno.test("parseAuthorizedKeys knows no escape in quotes but that of a quote (sshd(8))", () => {
  const line =
    'command="a\\b \\"c\\" \\\\d" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7tNW0zsrBzTtDTYrxWRyx4VE5V3wP9Jd3JKdTvkjeT';
  const [key] = parseAuthorizedKeys(line, "keys").keys;
  assert.equal(key?.restrictions.command, 'a\\b "c" \\\\d');
});
