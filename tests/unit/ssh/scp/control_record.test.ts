import assert from "node:assert/strict";
import { formatEntryRecord, formatTimesRecord, parseControlRecord } from "../../../../src/ssh/scp/control_record.ts";

Deno.test("parseControlRecord reads every record", () => {
  assert.deepEqual(parseControlRecord("C0644 12 a b"), { kind: "file", mode: 0o644, size: 12, name: "a b" });
  assert.deepEqual(parseControlRecord("D0755 0 d"), { kind: "folder", mode: 0o755, size: 0, name: "d" });
  assert.deepEqual(parseControlRecord("T1000000000 0 999999999 0"), {
    kind: "times",
    mtime: 1_000_000_000,
    atime: 999_999_999,
  });
  assert.deepEqual(parseControlRecord("E"), { kind: "end" });
});

Deno.test("parseControlRecord refuses a name that leads out of its folder", () => {
  for (const name of ["", ".", "..", "a/b", "/etc/passwd", "../x", "a\0b"]) {
    assert.throws(() => parseControlRecord(`C0644 1 ${name}`), {
      code: "protocol",
      message: `error: unexpected filename: ${name}`,
    });
  }
});

Deno.test("parseControlRecord refuses what is no record", () => {
  for (const line of ["", "X", "C644 1 a", "C0688 1 a", "C0644 -1 a", "C0644 99999999999999999 a", "C0644 1", "T1 2"]) {
    assert.throws(() => parseControlRecord(line), { message: "protocol error: expected control record" }, line);
  }
});

Deno.test("formatEntryRecord and formatTimesRecord write what scp reads", () => {
  const file = { kind: "file", mode: 0o107644, size: 5, name: "a\nb" } as const;
  assert.equal(formatEntryRecord(file), "C6644 5 a\\^Jb\n");
  assert.equal(formatEntryRecord({ kind: "folder", mode: 0o40700, size: 0, name: "d" }), "D0700 0 d\n");
  assert.equal(formatTimesRecord({ mtime: 5.9, atime: -1 }), "T5 0 0 0\n");
});
