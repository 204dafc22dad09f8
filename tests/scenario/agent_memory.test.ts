import assert from "node:assert/strict";
import { join } from "node:path";
import { AGENT_ALIAS, startAgent } from "../support/running_agent.ts";
import { PORTHOLE } from "../support/porthole.ts";
import { hasProgram } from "../support/programs.ts";

/** The heap finds its size within two connections that carry this. */
const WARM_UP_BYTES = 768 * 1024 * 1024;
const BULK_BYTES = 2 * 1024 * 1024 * 1024;
/** The ciphers that the library never frees leaked some 60 MiB over this distance. */
const MAX_GROWTH_MIB = 40;

Deno.test({
  name: "the agent's memory stays as it is while 2 GiB go through one cipher (needs ssh and /proc)",
  ignore: Deno.build.os !== "linux" || !hasProgram("ssh"),
  async fn() {
    await using agent = await startAgent(PORTHOLE);
    const { pid } = JSON.parse(await Deno.readTextFile(join(agent.home.path, "agent.json")));
    const move = async (bytes: number) => {
      const command = `ssh -F "$1" ${AGENT_ALIAS} 'head -c ${bytes} /dev/zero' | wc -c`;
      const { stdout, stderr } = await agent.run(["sh", "-c", command, "sh", agent.configFile]);
      assert.equal(Number(stdout), bytes, stderr);
      return await residentMiB(pid);
    };
    await move(WARM_UP_BYTES);
    const before = await move(WARM_UP_BYTES);
    const after = await move(BULK_BYTES);
    assert.ok(after - before < MAX_GROWTH_MIB, `${before.toFixed()} MiB became ${after.toFixed()} MiB`);
  },
});

async function residentMiB(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
