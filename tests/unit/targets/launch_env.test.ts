import assert from "node:assert/strict";
import { launchEnv } from "../../../src/targets/launch_env.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEhhbGxv me@here";

Deno.test("launchEnv sets both switches to 1 and the key on one line", () => {
  assert.deepEqual(launchEnv(`${KEY}\n`, { A: "b" }), { A: "b", _F_E_SSH: "1", _F_E_VS: "1", _F_SSH_PK: KEY });
});

Deno.test("launchEnv refuses an extra that would change what it sets", () => {
  for (const extra of [{ _F_E_SSH: "0" }, { _F_E_VS: "yes" }, { _F_SSH_PK: "ssh-ed25519 BBBB" }]) {
    assert.throws(() => launchEnv(KEY, extra), { code: "usage" });
  }
  assert.equal(launchEnv(KEY, { _F_E_SSH: "1" })._F_E_SSH, "1");
});

Deno.test("launchEnv refuses names that are none, and NUL", () => {
  for (const extra of [{ "A B": "x" }, { "": "x" }, { "1A": "x" }, { "A=B": "x" }, { A: "x\0y" }]) {
    assert.throws(() => launchEnv(KEY, extra), { code: "usage" });
  }
});

Deno.test("launchEnv refuses what is no public key on one line", () => {
  for (const key of ["", "AAAA", `${KEY}\n${KEY}`, "-----BEGIN OPENSSH PRIVATE KEY-----"]) {
    assert.throws(() => launchEnv(key), { code: "key_invalid" });
  }
});
