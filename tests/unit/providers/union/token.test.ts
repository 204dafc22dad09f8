import assert from "node:assert/strict";
import { isFresh, makeToken } from "../../../../src/providers/union/auth/token.ts";

const NOW = 1_800_000_000_000;

function jwt(claims: unknown): string {
  const part = (value: unknown) =>
    new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });
  return `${part({ alg: "none" })}.${part(claims)}.c2ln`;
}

Deno.test("makeToken takes the end of a JWT from its exp claim before expires_in", () => {
  const token = makeToken(jwt({ exp: NOW / 1000 + 90 }), { now: NOW, expiresInSeconds: 3600 });
  assert.equal(token.expiresAt, NOW + 90_000);
});

Deno.test("makeToken takes the end of an opaque token from expires_in", () => {
  assert.equal(makeToken("opaque", { now: NOW, expiresInSeconds: 60 }).expiresAt, NOW + 60_000);
  assert.equal(makeToken("a.b.c", { now: NOW }).expiresAt, undefined);
});

Deno.test("makeToken refuses what cannot stand in a header", () => {
  for (const text of ["", "two words", "line\nbreak", "é"]) {
    assert.throws(() => makeToken(text, { now: NOW }), { code: "auth_denied" });
  }
});

Deno.test("isFresh ends a minute before the token does", () => {
  const token = makeToken("opaque", { now: NOW, expiresInSeconds: 3600 });
  assert.equal(isFresh(token, NOW + 3539_000), true);
  assert.equal(isFresh(token, NOW + 3540_000), false);
});

Deno.test("isFresh uses a token of less than two minutes for half of its life", () => {
  const token = makeToken("opaque", { now: NOW, expiresInSeconds: 30 });
  assert.equal(isFresh(token, NOW + 14_000), true);
  assert.equal(isFresh(token, NOW + 16_000), false);
});

Deno.test("isFresh gives a token that tells nothing a quarter of an hour", () => {
  const token = makeToken("opaque", { now: NOW });
  assert.equal(isFresh(token, NOW + 14 * 60_000), true);
  assert.equal(isFresh(token, NOW + 16 * 60_000), false);
});
