import assert from "node:assert/strict";
import { makeInput } from "../../../scripts/fuzz/mutate.ts";
import { Random } from "../../../scripts/fuzz/random.ts";
import { runFuzz } from "../../../scripts/fuzz/run_fuzz.ts";
import { allTargets } from "../../../scripts/fuzz/targets/all_targets.ts";

Deno.test("everything that takes bytes from strangers takes two seconds of them", async () => {
  const folder = await Deno.makeTempDir({ prefix: "porthole-test-" });
  try {
    const targets = await allTargets(folder);
    const { faults, counts } = await runFuzz({ targets, seed: 20_260_101, forMs: 2500, turn: 5 });
    assert.deepEqual(faults.map(({ target, index, what }) => `${target} ${index}: ${what}`), []);
    assert.deepEqual([...counts].filter(([, count]) => count === 0), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("makeInput gives the same for the same seed, and other things for other seeds", () => {
  const target = { name: "t", seeds: [new Uint8Array([1, 2, 3, 4, 5])], run() {} };
  const make = (seed: number) => makeInput(new Random(seed, "t", 1), target).toHex();
  assert.equal(make(1), make(1));
  const all = new Set(Array.from({ length: 50 }, (_, seed) => make(seed)));
  assert.ok(all.size > 40);
});

Deno.test("runFuzz tells of what is no AppError, with the input that did it", async () => {
  const target = {
    name: "t",
    seeds: [new Uint8Array([1])],
    run(input: Uint8Array) {
      if (input.length > 3) throw new TypeError("too long");
    },
  };
  const { faults } = await runFuzz({ targets: [target], seed: 1, forMs: 500 });
  assert.equal(faults.length, 20);
  const [first] = faults;
  assert.match(first?.what ?? "", /too long/);
  const again = await runFuzz({ targets: [target], seed: 1, forMs: 0, onlyCase: first?.index });
  assert.deepEqual(again.faults[0]?.input, first?.input);
});
