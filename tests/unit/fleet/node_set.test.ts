import assert from "node:assert/strict";
import { AppError } from "../../../src/base/errors.ts";
import { foldNodeSet } from "../../../src/fleet/fold_node_set.ts";
import { expandNodeSet } from "../../../src/fleet/node_set.ts";

const EXPANSIONS: Readonly<Record<string, readonly string[]>> = {
  "web": ["web"],
  "web[1-3]": ["web1", "web2", "web3"],
  "web[1-2,30]": ["web1", "web2", "web30"],
  "web[01-03].example.com": ["web01.example.com", "web02.example.com", "web03.example.com"],
  "web[09-11]": ["web09", "web10", "web11"],
  "web[8-11]": ["web8", "web9", "web10", "web11"],
  "r[1-2]n[1-2]": ["r1n1", "r1n2", "r2n1", "r2n2"],
  "n[0-8/4]": ["n0", "n4", "n8"],
  "n[1-2,1[0-1]]": ["n1", "n2", "n10", "n11"],
  "db-[eu,us]": ["db-eu", "db-us"],
  "a, b[1-2] ,c": ["a", "b1", "b2", "c"],
  "me@web[1-2]:2222": ["me@web1:2222", "me@web2:2222"],
  "[::1]:22": ["[::1]:22"],
  "[::1]:[22-23]": ["[::1]:22", "[::1]:23"],
  "10.0.0.[1-2]": ["10.0.0.1", "10.0.0.2"],
  "a,a,a": ["a"],
};

for (const [text, names] of Object.entries(EXPANSIONS)) {
  Deno.test(`expandNodeSet expands ${JSON.stringify(text)}`, () => assert.deepEqual(expandNodeSet(text), names));
}

for (const text of ["web[1-3", "web1-3]", "web[]", "a,,b", "", "web[3-1]", "web[1-2/0]", "web[1-999999999]"]) {
  Deno.test(`expandNodeSet refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => expandNodeSet(text), (error) => error instanceof AppError && error.code === "usage");
  });
}

Deno.test("expandNodeSet says what is wrong with a range that runs backwards", () => {
  assert.throws(() => expandNodeSet("web[3-1]"), {
    message: 'Cannot read "web[3-1]" as a node set: the range "3-1" runs backwards',
  });
});

Deno.test("expandNodeSet refuses a product of ranges that is too large before it builds it", () => {
  assert.throws(() => expandNodeSet("a[1-90000]b[1-90000]"), { message: /names more than 100000 hosts/ });
});

const FOLDS: ReadonlyArray<readonly [names: readonly string[], folded: string]> = [
  [[], ""],
  [["web1"], "web1"],
  [["web3", "web1", "web2"], "web[1-3]"],
  [["web1", "web2", "web30", "db1"], "web[1-2,30],db1"],
  [["web09", "web10", "web11"], "web[09-11]"],
  [["web9", "web10"], "web[9-10]"],
  [["r1n1", "r1n2", "r2n1", "r2n2"], "r[1-2]n[1-2]"],
  [["127.0.0.1:2201", "127.0.0.1:2202"], "127.0.0.1:[2201-2202]"],
  [["alpha", "beta"], "alpha,beta"],
  [["[::1]:22", "[::1]:23"], "[::1]:22,[::1]:23"],
  [["n1", "n01", "n001"], "n[1,01,001]"],
];

for (const [names, folded] of FOLDS) {
  Deno.test(`foldNodeSet folds ${JSON.stringify(names)}`, () => assert.equal(foldNodeSet(names), folded));
}

Deno.test("foldNodeSet gives back what expandNodeSet expands, whatever the numbers are", () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  for (let round = 0; round < 300; round++) {
    const names = Array.from({ length: 1 + random(12) }, () => {
      const number = String(random(120));
      return `h${random(2) ? number : number.padStart(3, "0")}${random(3) ? "" : `x${random(4)}`}`;
    });
    const expected = [...new Set(names)].sort();
    assert.deepEqual(expandNodeSet(foldNodeSet(names)).sort(), expected, names.join(","));
  }
});

Deno.test("foldNodeSet folds ten thousand names in a moment", () => {
  const names = Array.from({ length: 10_000 }, (_, at) => `rack${at % 100}node${Math.floor(at / 100)}`);
  assert.equal(foldNodeSet(names), "rack[0-99]node[0-99]");
});

Deno.test("expandNodeSet rejects a range of numbers that cannot be counted", () => {
  const range = "9".repeat(20);
  assert.throws(() => expandNodeSet(`n[${range}-${range}]`), /the range ".*" has too many digits/);
});

Deno.test("foldNodeSet lists names with dozens of numbers as they are, and is done at once", () => {
  const names = Array.from({ length: 20_000 }, (_, at) => `n${at}${"web3".repeat(100)}`);
  const startedAt = performance.now();
  assert.equal(foldNodeSet(names).split(",").length, names.length);
  assert.ok(performance.now() - startedAt < 5000);
});
