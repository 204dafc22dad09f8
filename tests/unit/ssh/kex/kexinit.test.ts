import assert from "node:assert/strict";
import { readKexInit, withKex } from "../../../../src/ssh/kex/kexinit.ts";
import { kexInit } from "../../../support/raw_ssh.ts";

Deno.test("readKexInit reads the lists that decide, and whether a guess follows", () => {
  const payload = kexInit({ kex: "a,b@c", isStrict: true });
  const { kex, serverHostKey, isGuessing } = readKexInit(payload);
  assert.deepEqual(kex.slice(0, 2), ["a", "b@c"]);
  assert.ok(serverHostKey.includes("ssh-ed25519"));
  assert.equal(isGuessing, false);
  const guessing = payload.slice();
  guessing[payload.length - 5] = 1;
  assert.equal(readKexInit(guessing).isGuessing, true);
});

Deno.test("readKexInit takes what is cut off for empty", () => {
  const payload = kexInit();
  for (let length = 0; length < payload.length; length++) readKexInit(payload.subarray(0, length));
  const nothing = { kex: [], serverHostKey: [], isGuessing: false };
  assert.deepEqual(readKexInit(payload.subarray(0, 17)), nothing);
  assert.deepEqual(readKexInit(payload.subarray(0, 30)), nothing);
});

Deno.test("withKex changes the first list alone", () => {
  const payload = kexInit({ kex: "a" });
  const changed = withKex(payload, ["longer", "list"]);
  assert.deepEqual(readKexInit(changed), { ...readKexInit(payload), kex: ["longer", "list"] });
  assert.deepEqual(withKex(changed, readKexInit(payload).kex), payload);
});
