import assert from "node:assert/strict";
import { escapeControls, joinLines, oneLine } from "../../../src/base/printable.ts";

Deno.test("escapeControls shows what would steer a terminal, and keeps text, tabs and newlines", () => {
  assert.equal(escapeControls("a\tb\nc\x1b]0;title\x07\r\u202e é 漢"), "a\tb\nc\\x1b]0;title\\x07\\x0d\\u202e é 漢");
  assert.equal(escapeControls("\x9b31m"), "\\x9b31m");
});

Deno.test("oneLine keeps the first line, bounded", () => {
  assert.equal(oneLine("first\nsecond"), "first");
  assert.equal(oneLine("x".repeat(300)).length, 200);
});

Deno.test("joinLines keeps every line, and of too many the beginning and more of the end", () => {
  assert.equal(joinLines("Traceback:\n  File x\r\n\n\x1b[1mOOM\n"), "Traceback: | File x | \\x1b[1mOOM");
  const long = joinLines(`begin ${"x".repeat(500)} end`, 30);
  assert.deepEqual([long.length, long.startsWith("begin xxxx … xxx"), long.endsWith("xxx end")], [30, true, true]);
});
