import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { hmacSha1, hmacSha1Key } from "../../../../src/ssh/known_hosts/hmac_sha1.ts";

Deno.test("hmacSha1 gives what RFC 2202 lists", () => {
  const text = new TextEncoder();
  const code = hmacSha1(hmacSha1Key(text.encode("Jefe")), text.encode("what do ya want for nothing?"));
  assert.equal(code.toHex(), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
});

Deno.test("hmacSha1 agrees with the runtime's for messages on both sides of a block's end", () => {
  const key = crypto.getRandomValues(new Uint8Array(20));
  for (const length of [0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 300]) {
    const message = crypto.getRandomValues(new Uint8Array(length));
    const theirs = createHmac("sha1", key).update(message).digest("hex");
    assert.equal(hmacSha1(hmacSha1Key(key), message).toHex(), theirs, `${length} bytes`);
  }
});

Deno.test("hmacSha1Key refuses a key that is longer than a block", () => {
  assert.throws(() => hmacSha1Key(new Uint8Array(65)), RangeError);
});
