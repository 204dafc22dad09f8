import assert from "node:assert/strict";
import { isSecretHeader, redactText, redactUrl, redactValues, secretsOf } from "../../../src/base/redact.ts";

Deno.test("redactUrl takes out userinfo and credentials in the query, and leaves the rest", () => {
  assert.equal(redactUrl("wss://me:hunter2@host/p?x=1&token=abc"), "wss://host/p?x=1&token=[redacted]");
  assert.equal(redactUrl("https://host/path?target_port=6060"), "https://host/path?target_port=6060");
});

Deno.test("redactText takes out bearer tokens, basic credentials, JWTs and private keys", () => {
  const secrets = [
    "Authorization: Bearer abcdef123456",
    "Basic dXNlcjpwYXNz",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA\n-----END OPENSSH PRIVATE KEY-----",
    "dialling wss://u:p4ss@host/",
    "token abcdef123456 is unknown",
    "the token c2lnbmF0dXJlabcdef has ended",
  ];
  for (const secret of secrets) {
    const shown = redactText(secret);
    assert.match(shown, /\[redacted\]/);
    assert.doesNotMatch(shown, /abcdef123456|dXNlcjpwYXNz|c2lnbmF0dXJl|b3BlbnNzaA|p4ss/);
  }
});

Deno.test("redactText leaves what is said about tokens", () => {
  for (const text of ["token expired", "no token endpoint", "Bearer token missing", "Basic authentication failed"]) {
    assert.equal(redactText(text), text);
  }
});

Deno.test("redactValues takes out what a server quotes of the headers that it was sent", () => {
  const headers: [string, string][] = [
    ["authorization", `Basic ${btoa("me:s%2Bcret+1")}`],
    ["flyte-authorization", "Bearer opaque-one"],
    ["cookie", "session=abcdef"],
    ["x-request-id", "1234567"],
  ];
  assert.equal(
    redactValues("s%2Bcret+1, s+cret 1, <opaque-one>, session=abcdef, 1234567", secretsOf(headers)),
    "[redacted], [redacted], <[redacted]>, [redacted], 1234567",
  );
  assert.equal(redactValues("a b", ["a"]), "a b", "too short to be a secret");
});

Deno.test("isSecretHeader knows the headers that carry credentials", () => {
  for (
    const name of ["Authorization", "flyte-authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "x-auth-token"]
  ) {
    assert.ok(isSecretHeader(name), name);
  }
  for (const name of ["Content-Type", "Host", "X-Request-Id"]) assert.ok(!isSecretHeader(name), name);
});
