import assert from "node:assert/strict";
import { escapeControls, oneLine } from "../../../src/base/printable.ts";

Deno.test("escapeControls shows what would steer a terminal, and keeps text, tabs and newlines", () => {
  assert.equal(escapeControls("a\tb\nc\x1b]0;title\x07\r\u202e é 漢"), "a\tb\nc\\x1b]0;title\\x07\\x0d\\u202e é 漢");
  assert.equal(escapeControls("\x9b31m"), "\\x9b31m");
});

Deno.test("oneLine keeps the first line, bounded", () => {
  assert.equal(oneLine("first\nsecond"), "first");
  assert.equal(oneLine("x".repeat(300)).length, 200);
});
