import assert from "node:assert/strict";
import { formatLongName, formatMode } from "../../../../src/ssh/sftp/long_name.ts";

Deno.test("formatMode writes types and special bits as ls does", () => {
  const modes: Record<string, number> = {
    "-rw-r--r--": 0o100644,
    "drwxrwxrwt": 0o041777,
    "drwxr-sr-x": 0o042755,
    "-rwSr-Sr-T": 0o107644,
    "lrwxrwxrwx": 0o120777,
    "prw-------": 0o010600,
    "?---------": 0,
  };
  for (const [text, mode] of Object.entries(modes)) assert.equal(formatMode(mode), text);
});

Deno.test("formatLongName shows the hour of a recent file and the year of an old one", () => {
  const now = new Date(2026, 5, 1).getTime() / 1000;
  const at = (date: Date) =>
    formatLongName({
      name: "a b",
      stat: { mode: 0o100600, size: 12, mtime: date.getTime() / 1000, linkCount: 2 },
      user: "me",
      group: "us",
      now,
    });
  assert.equal(at(new Date(2026, 4, 3, 4, 5)), "-rw-------    2 me       us             12 May  3 04:05 a b");
  assert.equal(at(new Date(2020, 11, 25)), "-rw-------    2 me       us             12 Dec 25  2020 a b");
});
