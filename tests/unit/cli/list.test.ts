import assert from "node:assert/strict";
import { list } from "../../../src/cli/commands/list.ts";

const AGES = [
  [59_000, "59s"],
  [3_599_000, "59m59s"],
  [3_700_000, "1h1m"],
  [47 * 3_600_000, "47h"],
  [272.5 * 86_400_000, "272d"],
] as const;

for (const [ms, age] of AGES) {
  Deno.test(`list shows a run that began ${ms} ms ago as ${age}`, () => {
    const startedAt = new Date(Date.now() - ms);
    const line = list.format({ provider: "p", name: "12", phase: "started", startedAt, command: "train" }, {
      color: false,
      width: Infinity,
    });
    assert.equal(line, `${"12".padEnd(24)}  ${"started".padEnd(12)}  ${age.padStart(7)}  train\n`);
  });
}
