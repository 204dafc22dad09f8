import assert from "node:assert/strict";
import { AppError } from "../../../../src/base/errors.ts";
import { decodeApiKey, encodeApiKey } from "../../../../src/providers/union/api_key.ts";

Deno.test("encodeApiKey leaves scheme and port out and writes None for no org", () => {
  const encoded = encodeApiKey({
    endpoint: "https://demo.example.com:8443",
    clientId: "flyte-ssh-debug",
    clientSecret: "s3cret",
    org: undefined,
  });
  assert.equal(atob(encoded), "demo.example.com:flyte-ssh-debug:s3cret:None");
});

Deno.test("decodeApiKey reads what encodeApiKey wrote, and an empty org as none", () => {
  const key = { endpoint: "demo.example.com", clientId: "id", clientSecret: "se/c+ret", org: "acme" };
  assert.deepEqual(decodeApiKey(encodeApiKey(key)), key);
  assert.equal(decodeApiKey(btoa("h.example.com:id:secret:None")).org, undefined);
  assert.equal(decodeApiKey(btoa("h.example.com:id:secret:")).org, undefined);
});

Deno.test("decodeApiKey reads keys whose maker left scheme and port in", () => {
  const expected = { endpoint: "h.example.com:8443", clientId: "id", clientSecret: "secret", org: undefined };
  assert.deepEqual(decodeApiKey(btoa("https://h.example.com:8443:id:secret:None")), expected);
  assert.deepEqual(decodeApiKey(btoa("dns:///h.example.com:8443:id:secret:None")), expected);
});

Deno.test("decodeApiKey refuses anything else and never quotes it", () => {
  for (const text of ["", "%%%", btoa("only:three:parts"), btoa("sekrit"), "c2Vrcml0/w=="]) {
    assert.throws(
      () => decodeApiKey(text),
      (error) =>
        error instanceof AppError && error.code === "config_invalid" &&
        !/sekrit|three/.test(JSON.stringify(error.toJSON()) + String(error.cause)),
    );
  }
});
