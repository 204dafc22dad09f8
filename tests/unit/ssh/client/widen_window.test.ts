import assert from "node:assert/strict";
import { bytesOnTheWay } from "../../../../src/ssh/client/widen_window.ts";

const MIB = 1024 * 1024;

Deno.test("bytesOnTheWay leaves ssh2's 2 MiB on a near line and opens up to 16 MiB on a far one", () => {
  assert.equal(bytesOnTheWay(0), 2 * MIB);
  assert.equal(bytesOnTheWay(5), 2 * MIB);
  assert.equal(bytesOnTheWay(20), 6000 * 1024);
  assert.equal(bytesOnTheWay(100), 16 * MIB);
  assert.equal(bytesOnTheWay(Infinity), 16 * MIB);
});
