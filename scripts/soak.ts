/**
 * Cuts the connection under a real `ssh host cat` again and again while bytes flow both ways, through real `porthole
 * proxy` and `porthole agent` processes: what comes back must be what was sent, and the one ssh must live through it all.
 *
 *     deno run -A scripts/soak.ts                                    rounds of 40 cuts and 32 MiB for a minute
 *     deno run -A scripts/soak.ts --cuts 1000 --bytes 1GiB --seed 42   one round
 *
 * `--max-connection-age 50ms` adds hand-overs; `--no-resume` shows what happens without all this.
 * `PORTHOLE=dist/porthole` takes the compiled program. Exit status: 0 if every round was good, else 1.
 */
import { parseArgs } from "node:util";
import { parseDuration } from "../src/base/duration.ts";
import { runSoak, type SoakResult } from "./soak/run_soak.ts";

const UNITS: Readonly<Record<string, number>> = { "": 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

function parseBytes(text: string): number {
  const [, amount, unit = ""] = /^(\d+)(KiB|MiB|GiB)?$/.exec(text) ?? [];
  if (amount === undefined) {
    throw new Error(`Cannot parse --bytes as a size such as "32MiB": got ${JSON.stringify(text)}`);
  }
  return Number(amount) * (UNITS[unit] ?? 1);
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function tell(result: SoakResult, seed: number): void {
  const { isGood, connections, tookMs, agentMiB, proxyMiB, faults } = result;
  const memory = `peak memory: agent ${agentMiB} MiB, proxy ${proxyMiB} MiB`;
  print(`${isGood ? "ok  " : "FAIL"} seed ${seed}: ${connections} connections, ${Math.round(tookMs)} ms, ${memory}`);
  for (const fault of faults) print(`     ${fault}`);
}

const { values } = parseArgs({
  options: {
    cuts: { type: "string" },
    bytes: { type: "string" },
    seed: { type: "string" },
    for: { type: "string" },
    "max-connection-age": { type: "string" },
    "no-resume": { type: "boolean", default: false },
  },
});
const cuts = Number(values.cuts ?? 40);
const bytes = parseBytes(values.bytes ?? "32MiB");
const firstSeed = values.seed === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0 : Number(values.seed);
const isOneRound = values.cuts !== undefined || values.bytes !== undefined;
const endsAt = performance.now() + (values.for ? parseDuration(values.for, "--for") : isOneRound ? 0 : 60_000);
const age = values["max-connection-age"];
const proxyFlags = [...(values["no-resume"] ? ["--no-resume"] : []), ...(age ? ["--max-connection-age", age] : [])];
let isGood = true;
let seed = firstSeed;
print(`${cuts} cuts while ${bytes} bytes flow each way, seed ${firstSeed}`);
do {
  const result = await runSoak({ cuts, bytes, seed, proxyFlags });
  tell(result, seed);
  isGood &&= result.isGood;
  seed++;
} while (performance.now() < endsAt);
Deno.exitCode = isGood ? 0 : 1;
