import assert from "node:assert/strict";
import { parseModes } from "../../../../src/ssh/server/request_reader.ts";

Deno.test("parseModes reads pairs up to the end mark", () => {
  const encoded = new Uint8Array([1, 0, 0, 0, 3, 53, 0, 0, 0, 1, 128, 0, 0, 150, 0, 0, 9, 0, 0, 0, 9]);
  assert.deepEqual([...parseModes(encoded)], [[1, 3], [53, 1], [128, 38400]]);
});

Deno.test("parseModes stops at what it cannot know, and at a cut", () => {
  assert.deepEqual([...parseModes(new Uint8Array([1, 0, 0, 0, 3, 160, 1, 2, 3, 4]))], [[1, 3]]);
  assert.deepEqual([...parseModes(new Uint8Array([1, 0, 0, 0, 3, 2, 0, 0]))], [[1, 3]]);
  assert.deepEqual([...parseModes(new Uint8Array())], []);
});
