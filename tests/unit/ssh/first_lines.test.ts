import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { FirstLines } from "../../../src/ssh/first_lines.ts";

function fed(pieces: readonly string[]): string[] {
  const lines = new FirstLines();
  return pieces.map((piece) => lines.add(Buffer.from(piece)).toString()).filter((text) => text !== "");
}

Deno.test("FirstLines.add hands a line on once it is whole", () => {
  assert.deepEqual(fed(["S", "SH-2.", "0-x", "\r", "\nrest", "m", "ore"]), ["SSH-2.0-x\r\nrest", "m", "ore"]);
  assert.deepEqual(fed(["hello\nSS", "H-2.0-x\n", "packets"]), ["hello\n", "SSH-2.0-x\n", "packets"]);
});

Deno.test("FirstLines.add gives up waiting behind 8 KiB", () => {
  const out = fed(Array.from({ length: 100 }, () => "x".repeat(100)));
  assert.equal(out[0]?.length, 8200);
  assert.equal(out.length, 19);
});
