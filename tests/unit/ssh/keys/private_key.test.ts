import assert from "node:assert/strict";
import { generateEcdsa, generateEd25519, generateKey, generateRsa } from "../../../../src/ssh/keys/generate.ts";
import { formatPublicKey } from "../../../../src/ssh/keys/public_key.ts";
import { parsePrivateKeyFile } from "../../../../src/ssh/keys/private_key.ts";

const MAKERS = {
  ed25519: () => generateEd25519("me@host"),
  rsa: () => generateRsa("me@host", { bits: 2048 }),
  ecdsa: () => generateEcdsa("me@host"),
};

for (const [kind, make] of Object.entries(MAKERS)) {
  Deno.test(`parsePrivateKeyFile finds the public half of a fresh ${kind} key`, async () => {
    const key = await make();
    const info = await parsePrivateKeyFile(key.privateKey);
    assert.equal(info.isEncrypted, false);
    assert.equal(formatPublicKey(info.publicKey), key.publicKey);
    assert.equal(info.publicKey.type, key.type);
  });

  Deno.test(`parsePrivateKeyFile finds every flipped bit of a ${kind} key`, async () => {
    const { privateKey } = await make();
    const [, body = ""] = /-----\n([\s\S]+)\n-----END/.exec(privateKey) ?? [];
    const bytes = Uint8Array.fromBase64(body);
    const step = kind === "ed25519" ? 1 : 37;
    for (let at = 0; at < bytes.length; at += step) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x04;
      const text = privateKey.replace(body, damaged.toBase64());
      const outcome = await parsePrivateKeyFile(text).then(({ publicKey }) => publicKey.comment, (error) => error.code);
      // A bit of the comment is the one thing that nothing else in the file vouches for.
      assert.ok(outcome === "key_invalid" || outcome !== "me@host", `byte ${at} of ${bytes.length}`);
      if (outcome !== "key_invalid") assert.match(outcome, /^.{7}$|^$/s, `byte ${at} of ${bytes.length}`);
    }
  });
}

Deno.test("parsePrivateKeyFile tells an encrypted key and its public half", async () => {
  const key = await generateEd25519("me@host", { passphrase: "correct horse" });
  const { isEncrypted, publicKey } = await parsePrivateKeyFile(key.privateKey);
  assert.equal(isEncrypted, true);
  assert.equal(`${formatPublicKey(publicKey)} me@host`, key.publicKey);
});

Deno.test("parsePrivateKeyFile reads a file with CRLF", async () => {
  const key = await generateEd25519("me@host");
  const info = await parsePrivateKeyFile(key.privateKey.replaceAll("\n", "\r\n"));
  assert.equal(formatPublicKey(info.publicKey), key.publicKey);
});

Deno.test("generateKey keeps a newline out of the comment", async () => {
  const key = await generateKey("ed25519", "me\nssh-rsa AAAA");
  assert.equal(key.publicKey.split("\n").length, 1);
  assert.ok(key.publicKey.endsWith(" me ssh-rsa AAAA"));
});

Deno.test("parsePrivateKeyFile says what the file is when it is no OpenSSH key", async () => {
  await assert.rejects(parsePrivateKeyFile("", 'private key "id"'), {
    code: "key_invalid",
    message: 'The private key "id" is no private key: it is empty',
  });
  await assert.rejects(parsePrivateKeyFile("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"), {
    code: "key_invalid",
    message: `The private key must be in OpenSSH's format: it is "RSA PRIVATE KEY"`,
    hint: "Convert it with: ssh-keygen -p -f FILE",
  });
  const { privateKey } = await generateEd25519();
  await assert.rejects(parsePrivateKeyFile(privateKey.slice(0, 200)), {
    code: "key_invalid",
    message: 'The private key is damaged: its last line must be "-----END OPENSSH PRIVATE KEY-----"',
  });
});
