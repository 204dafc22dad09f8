import assert from "node:assert/strict";
import { runLoad } from "../../scripts/load/run_load.ts";
import { startHostileStage } from "../support/hostile_stage.ts";
import { hasProgram } from "../support/programs.ts";

/** The aim is 100 (scripts/load.ts holds to it); a machine that does other things besides needs more room. */
const MAX_MORE_MS = 250;
const TRIES = 3;

Deno.test({
  name: "a keystroke is not held up by bulk data nor by 200 other sessions (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: async () => {
    await using stage = await startHostileStage();
    const { port, privateKey, home: { path: folder } } = stage;
    let said = "";
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const results = await runLoad({ port, privateKey, folder, sessions: 200, keystrokes: 100 });
      const alone = results[0]?.p99 ?? 0;
      said = results.map(({ state, p99, bulkMiBs }) =>
        `${state}: p99 ${p99.toFixed(1)} ms, ${bulkMiBs.toFixed(0)} MiB/s`
      )
        .join("; ");
      assert.ok(results.filter(({ state }) => /bulk/.test(state)).every(({ bulkMiBs }) => bulkMiBs > 1), said);
      if (results.every(({ p99 }) => p99 <= alone + MAX_MORE_MS)) return;
    }
    assert.fail(said);
  },
});
