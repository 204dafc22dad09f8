import assert from "node:assert/strict";
import type { Ground } from "../../../scripts/bench/ground.ts";
import { measureRow } from "../../../scripts/bench/measure_row.ts";
import { parseBenchOptions } from "../../../scripts/bench/options.ts";
import type { Contestant, Row } from "../../../scripts/bench/row.ts";
import { pairedRatios, summarize } from "../../../scripts/bench/statistics.ts";
import { formatTable } from "../../../scripts/bench/table.ts";
import { AppError } from "../../../src/base/errors.ts";

const NEVER = new AbortController().signal;

Deno.test("summarize takes the mean of the two in the middle of an even number", () => {
  assert.deepEqual(summarize([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
  assert.deepEqual(summarize([9, 1, 5]), { median: 5, min: 1, max: 9 });
  assert.throws(() => summarize([]), RangeError);
});

Deno.test("pairedRatios compares what was measured side by side", () => {
  assert.deepEqual(pairedRatios([10, 40], [20, 80]), { median: 0.5, min: 0.5, max: 0.5 });
});

/** A ground that only listens. */
function listeningGround(skipped: string[]): Ground {
  const refuse = () => Promise.reject(new Error("no servers here"));
  return {
    folder: "",
    home: { path: "", portholeHome: "", environment: () => ({}), [Symbol.asyncDispose]: () => Promise.resolve() },
    porthole: { argv: ["porthole"], isCompiled: true, note: "" },
    user: "",
    identityFile: "",
    authorizedKeysFile: "",
    serverPrefix: [],
    payloadMiB: 1,
    payload: refuse,
    reach: refuse,
    shared: (_key, make) => make(),
    skip: (reason) => skipped.push(reason),
    progress: () => {},
    keep: (resource) => resource,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function rowOf(contestants: readonly Contestant[], more: Partial<Row> = {}): Row {
  return {
    name: "row",
    title: "a row",
    unit: "ms",
    better: "less",
    contestants: () => Promise.resolve(contestants),
    ...more,
  };
}

Deno.test("measureRow gives everyone a turn in each round, and turns the order round", async () => {
  const order: string[] = [];
  const contestant = (name: string, value: number): Contestant => ({
    name,
    measure: () => Promise.resolve(order.push(name)).then(() => value),
  });
  const result = await measureRow(
    rowOf([contestant("porthole", 5), contestant("sshd", 10)], {
      targets: [{ against: "sshd", text: "<= 0.70", isMet: ({ ratio }) => ratio <= 0.7 }],
    }),
    { ground: listeningGround([]), rounds: 2, signal: NEVER },
  );
  assert.deepEqual(order, ["porthole", "sshd", "sshd", "porthole"]);
  assert.deepEqual(result?.comparisons, [{
    against: "sshd",
    theirs: { median: 10, min: 10, max: 10 },
    ratio: { median: 0.5, min: 0.5, max: 0.5 },
    target: { text: "<= 0.70", isMet: true },
  }]);
});

Deno.test("measureRow throws the first of repeated measurements away", async () => {
  let next = 100;
  const falling: Contestant = { name: "porthole", measure: () => Promise.resolve(next--) };
  const row = rowOf([falling], { repeats: 2 });
  const result = await measureRow(row, { ground: listeningGround([]), rounds: 1, signal: NEVER });
  assert.deepEqual(result?.ours, { median: 98.5, min: 98, max: 99 });
});

Deno.test("measureRow leaves out who fails, says why, and gives no row without ours", async () => {
  const fine: Contestant = { name: "porthole", measure: () => Promise.resolve(1) };
  const broken: Contestant = { name: "sshd", measure: () => Promise.reject(new Error("gone")) };
  const skipped: string[] = [];
  const options = { ground: listeningGround(skipped), rounds: 2, signal: NEVER };
  assert.deepEqual((await measureRow(rowOf([fine, broken]), options))?.comparisons, []);
  assert.deepEqual(skipped, ["row: sshd failed: gone"]);
  assert.equal(await measureRow(rowOf([{ ...broken, name: "porthole" }, { ...fine, name: "sshd" }]), options), null);
});

Deno.test("formatTable writes a line for each comparison and names the row once", () => {
  const theirs = summarize([100]);
  const table = formatTable([{
    row: "down",
    title: "down",
    unit: "MiB/s",
    better: "more",
    ours: summarize([50, 70]),
    comparisons: [
      { against: "sshd", theirs, ratio: summarize([0.5, 0.7]), target: { text: ">= 0.60", isMet: true } },
      { against: "asyncssh", theirs, ratio: summarize([0.6]) },
    ],
  }]);
  const cells = table.trimEnd().split("\n").map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  assert.deepEqual(cells.slice(2), [
    ["down", "60.0 MiB/s (50.0..70.0)", "sshd", "100 MiB/s (100..100)", "0.60x (0.50..0.70)", "higher", ">= 0.60: met"],
    ["", "", "asyncssh", "100 MiB/s (100..100)", "0.60x (0.60..0.60)", "higher", "-"],
  ]);
  assert.equal(new Set(table.trimEnd().split("\n").map((line) => line.length)).size, 1);
});

Deno.test("parseBenchOptions refuses a row that is none, and numbers that are no rounds", () => {
  const isUsage = (text: RegExp) => (error: unknown) =>
    error instanceof AppError && error.code === "usage" && text.test(error.message);
  assert.throws(
    () => parseBenchOptions(["--only", "speed"], ["up", "down"]),
    isUsage(/^There is no row "speed": the rows are up, down$/),
  );
  assert.throws(() => parseBenchOptions(["--rounds", "0"], []), isUsage(/^--rounds takes a whole number/));
  assert.throws(() => parseBenchOptions(["--sise", "1"], []), isUsage(/sise/));
  assert.deepEqual(parseBenchOptions(["--only", "up,down", "--size", "64"], ["up", "down"]), {
    rounds: 3,
    payloadMiB: 64,
    only: ["up", "down"],
    json: false,
    help: false,
  });
});
