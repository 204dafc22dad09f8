import assert from "node:assert/strict";
import { credentialHeaderNames, debugRunName } from "../../../../src/providers/union/guesses.ts";

const RUN = { runName: "r4x7qk2vbn8w3jz5t9mc", actionName: "a0", publicKey: "ssh-ed25519 AAAA me@here" };

Deno.test("debugRunName is the same every time, and fits 30 characters", async () => {
  const name = await debugRunName(RUN);
  assert.equal(await debugRunName({ ...RUN, publicKey: "ssh-ed25519 AAAA other@comment" }), name);
  for (const runName of ["r", "R_Un.1", "x".repeat(30), "---"]) {
    assert.match(await debugRunName({ ...RUN, runName }), /^[a-z][a-z0-9-]{0,29}$/);
    assert.match(await debugRunName({ ...RUN, runName, generation: 99 }), /^[a-z][a-z0-9-]{0,29}$/);
  }
});

Deno.test("debugRunName differs between runs, actions, keys and generations", async () => {
  const names = await Promise.all([
    debugRunName(RUN),
    debugRunName({ ...RUN, runName: "other" }),
    debugRunName({ ...RUN, actionName: "a1" }),
    debugRunName({ ...RUN, publicKey: "ssh-ed25519 BBBB" }),
    debugRunName({ ...RUN, generation: 2 }),
  ]);
  assert.equal(new Set(names).size, names.length);
});

Deno.test("credentialHeaderNames adds the discovered header when it is another one", () => {
  assert.deepEqual(credentialHeaderNames(""), ["authorization"]);
  assert.deepEqual(credentialHeaderNames("Authorization"), ["authorization"]);
  assert.deepEqual(credentialHeaderNames("flyte-authorization"), ["authorization", "flyte-authorization"]);
});
