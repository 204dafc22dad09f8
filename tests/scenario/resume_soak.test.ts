import assert from "node:assert/strict";
import { runSoak } from "../../scripts/soak/run_soak.ts";
import { hasProgram } from "../support/programs.ts";

const ignore = !hasProgram("ssh") || Deno.build.os === "windows";

Deno.test({ name: "40 cuts at random bytes while 32 MiB flow each way lose nothing (needs ssh)", ignore }, async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const result = await runSoak({ cuts: 40, bytes: 32 * 2 ** 20, seed });
  assert.ok(result.isGood, `seed ${seed}: ${result.faults.join("; ")}`);
  assert.ok(result.connections > 20, `seed ${seed}: ${result.connections} connections`);
  assert.ok(result.proxyMiB < 300 && result.agentMiB < 400, `seed ${seed}: ${JSON.stringify(result)}`);
});

Deno.test({ name: "hand-overs and cuts at once lose nothing (needs ssh)", ignore }, async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const result = await runSoak({
    cuts: 20,
    bytes: 32 * 2 ** 20,
    seed,
    proxyFlags: ["--max-connection-age", "40ms"],
  });
  assert.ok(result.isGood, `seed ${seed}: ${result.faults.join("; ")}`);
});
