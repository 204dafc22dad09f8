import assert from "node:assert/strict";
import { fingerprint, formatPublicKey, parsePublicKey } from "../../../../src/ssh/keys/public_key.ts";

const BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

Deno.test("parsePublicKey and formatPublicKey keep type, blob and comment", () => {
  const key = parsePublicKey(`  ssh-ed25519\t${BLOB}  me and you@host \r\n`);
  assert.equal(key.type, "ssh-ed25519");
  assert.equal(key.comment, "me and you@host");
  assert.equal(formatPublicKey(key), `ssh-ed25519 ${BLOB} me and you@host`);
  assert.equal(formatPublicKey({ ...key, comment: "" }), `ssh-ed25519 ${BLOB}`);
});

Deno.test("fingerprint is the one that GitHub publishes for its ed25519 host key", async () => {
  const { blob } = parsePublicKey(`ssh-ed25519 ${BLOB}`);
  assert.equal(await fingerprint(blob), "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
});

Deno.test("parsePublicKey reads a line of a million blanks in no time", () => {
  const blanks = " ".repeat(1_000_000);
  assert.equal(parsePublicKey(`ssh-ed25519 ${BLOB}${blanks}x`).comment, "x");
  assert.throws(() => parsePublicKey(`a b${blanks}\nc`), { code: "key_invalid" });
});

for (
  const [title, line, message] of [
    ["a word alone", "ssh-ed25519", 'Cannot read the public key: needed "type base64 comment", found "ssh-ed25519"'],
    ["what is not base64", "ssh-ed25519 %%%", 'Cannot read the public key: "%%%" is not base64'],
    ["a short blob", "ssh-ed25519 AAAA", "The public key ends too early: needed 4 bytes at 0, found 3"],
    [
      "a blob of another type",
      `ssh-rsa ${BLOB}`,
      'Cannot read the public key: the line says "ssh-rsa", its blob "ssh-ed25519"',
    ],
  ] as const
) {
  Deno.test(`parsePublicKey rejects ${title}`, () => {
    assert.throws(() => parsePublicKey(line), { code: "key_invalid", message });
  });
}
