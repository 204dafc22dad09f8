import { shellQuote } from "../../../src/base/shell_quote.ts";
import { makeEmptyProgram } from "../empty_program.ts";
import type { Ground } from "../ground.ts";
import { firstChild, watchPeakMemory } from "../peak_memory.ts";
import { type Contestant, OURS, type Row } from "../row.ts";
import { portholeWay } from "../ways/porthole.ts";
import { ALIAS, type Reach } from "../ways/way.ts";

const EMPTY = "empty program";

/** The most memory that `porthole proxy` takes while the whole payload comes down through it. */
export const memoryRow: Row = {
  name: "memory",
  title: "porthole proxy, peak memory",
  unit: "MiB",
  better: "less",
  targets: [{ against: EMPTY, text: "< 48 MiB", isMet: ({ ours }) => ours < 48 }],
  async contestants(ground) {
    if (Deno.build.os !== "linux") {
      ground.skip("memory: needs Linux's /proc");
      return [];
    }
    const reach = await ground.reach(portholeWay);
    if (!reach) return [];
    const ours: Contestant = { name: OURS, measure: (signal) => proxyMemory(ground, reach, signal) };
    // It must still be there to be looked at, so it waits for its stdin.
    const empty = await makeEmptyProgram(ground, { name: "idle", source: "await Deno.stdin.read(new Uint8Array(1));" });
    return empty ? [ours, { name: EMPTY, measure: (signal) => idleMemory(empty, signal) }] : [ours];
  },
};

async function proxyMemory(ground: Ground, { configFile }: Reach, signal: AbortSignal): Promise<number> {
  const child = new Deno.Command("ssh", {
    args: ["-F", configFile, ALIAS, `cat ${shellQuote(await ground.payload(ground.payloadMiB))}`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    signal,
  }).spawn();
  const peak = await watchPeakMemory(await firstChild(child.pid, child.status), child.status);
  const { code } = await child.status;
  if (code !== 0) throw new Error(`ssh ended with status ${code}`);
  return peak;
}

async function idleMemory([program, ...args]: readonly [string, ...string[]], signal: AbortSignal): Promise<number> {
  await using child = new Deno.Command(program, { args, stdin: "piped", stdout: "null", stderr: "null", signal })
    .spawn();
  const lookingIsOver = Promise.withResolvers<void>();
  const timer = setTimeout(lookingIsOver.resolve, 300);
  try {
    return await watchPeakMemory(child.pid, Promise.race([lookingIsOver.promise, child.status]));
  } finally {
    clearTimeout(timer);
    await child.stdin.close();
  }
}
