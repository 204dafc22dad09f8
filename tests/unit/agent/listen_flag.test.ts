import assert from "node:assert/strict";
import { parseListen } from "../../../src/cli/commands/agent.ts";

Deno.test("parseListen takes a port, and a host in front of it", () => {
  assert.deepEqual(parseListen("6060"), { hostname: "0.0.0.0", port: 6060 });
  assert.deepEqual(parseListen(":0"), { hostname: "0.0.0.0", port: 0 });
  assert.deepEqual(parseListen("127.0.0.1:22"), { hostname: "127.0.0.1", port: 22 });
  assert.deepEqual(parseListen("[::1]:22"), { hostname: "::1", port: 22 });
});

Deno.test("parseListen rejects what is no place", () => {
  for (const text of ["", "host", "host:", "1.2.3.4:70000", "::1:22", "a b:22"]) {
    assert.throws(() => parseListen(text), { code: "usage" }, text);
  }
});
