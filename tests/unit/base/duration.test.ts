import assert from "node:assert/strict";
import { formatDuration, parseDuration } from "../../../src/base/duration.ts";
import { AppError } from "../../../src/base/errors.ts";

Deno.test("parseDuration reads each unit and their sums", () => {
  const table = {
    "200ms": 200,
    "30s": 30_000,
    "5m": 300_000,
    "1h30m": 5_400_000,
    "1.5s": 1500,
    "1d": 86_400_000,
    "0s": 0,
  };
  for (const [text, ms] of Object.entries(table)) assert.equal(parseDuration(text), ms, text);
});

Deno.test("parseDuration rejects a bare number, and says which unit to add", () => {
  assert.throws(() => parseDuration("30", "--timeout"), (error: unknown) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, "usage");
    assert.equal(error.message, 'Cannot parse --timeout as a duration such as "30s": got "30"');
    assert.equal(error.hint, 'Say the unit: "30s" or "30ms"');
    return true;
  });
});

Deno.test("parseDuration rejects words, signs and gaps", () => {
  for (const text of ["soon", "", "-5s", "5 s", "5x", "s", "1h-3m"]) {
    assert.throws(() => parseDuration(text), { code: "usage" }, text);
  }
});

Deno.test("formatDuration writes what people read", () => {
  const table: [number, string][] = [
    [0, "0ms"],
    [999, "999ms"],
    [1500, "1.5s"],
    [12_000, "12s"],
    [200_000, "3m20s"],
    [
      36_000_000,
      "10h",
    ],
    [3_600_000 + 60_000, "1h1m"],
    [59_999, "1m"],
  ];
  for (const [ms, text] of table) assert.equal(formatDuration(ms), text);
});
