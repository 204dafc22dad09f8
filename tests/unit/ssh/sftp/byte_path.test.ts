import assert from "node:assert/strict";
import { decodePath, encodePath, hasRawBytes } from "../../../../src/ssh/sftp/byte_path.ts";

Deno.test("decodePath and encodePath give every byte back", () => {
  const names = [[], [97], [0xff], [0xc3, 0xa9], [0xc3], [0xe2, 0x82], [0xed, 0xb3, 0xbf], [
    0xf0,
    0x9f,
    0x98,
    0x80,
    0xfe,
  ]];
  for (const bytes of names) assert.deepEqual([...encodePath(decodePath(new Uint8Array(bytes)))], bytes);
  for (let round = 0; round < 200; round++) {
    const bytes = crypto.getRandomValues(new Uint8Array(30));
    assert.deepEqual(encodePath(decodePath(bytes)), bytes);
  }
});

Deno.test("decodePath keeps UTF-8 as it is, with a byte order mark, and escapes the rest byte by byte", () => {
  assert.equal(decodePath(new TextEncoder().encode("\ufeffäß😀")), "\ufeffäß😀");
  assert.equal(decodePath(new Uint8Array([97, 0xff, 0xc3, 0xa9, 0xc3])), "a\udcffé\udcc3");
});

Deno.test("hasRawBytes is true for escaped bytes alone", () => {
  assert.equal(hasRawBytes("a\udcff"), true);
  assert.equal(hasRawBytes("\u{1F4FF} \ufffd é"), false);
});
