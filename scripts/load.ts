/**
 * Measures what an idle shell feels of others: how long a keystroke takes there and back while one session moves bulk
 * data as fast as it can, and with 200 sessions beside it. Needs ssh.
 *
 *     deno run -A scripts/load.ts
 *     deno run -A scripts/load.ts --sessions 500 --keystrokes 1000 --rounds 20
 *
 * Exit status: 0 when the 99th percentile never was more than 100 ms above that of the shell alone, else 1.
 */
import { parseArgs } from "node:util";
import { runLoad } from "./load/run_load.ts";
import { startHostileStage } from "../tests/support/hostile_stage.ts";

/** What a person does not feel: above the shell alone, at the 99th percentile. */
const MAX_MORE_MS = 100;

const { values } = parseArgs({
  options: {
    sessions: { type: "string", default: "200" },
    keystrokes: { type: "string", default: "300" },
    rounds: { type: "string", default: "1" },
  },
});

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

let isGood = true;
for (let round = 0; round < Number(values.rounds); round++) {
  await using stage = await startHostileStage();
  const { port, privateKey, home: { path: folder } } = stage;
  const sessions = Number(values.sessions);
  const results = await runLoad({ port, privateKey, folder, sessions, keystrokes: Number(values.keystrokes) });
  const alone = results[0]?.p99 ?? 0;
  for (const { state, p50, p99, max, bulkMiBs } of results) {
    const times = [p50, p99, max].map((ms) => ms.toFixed(1).padStart(7)).join(" ");
    print(`${state.padEnd(26)} p50, p99, max ms: ${times}   bulk ${bulkMiBs.toFixed(0)} MiB/s`);
    isGood &&= p99 - alone <= MAX_MORE_MS;
  }
  print(`agent: ${stage.rssMiB().toFixed(0)} MiB`);
}
Deno.exitCode = isGood ? 0 : 1;
