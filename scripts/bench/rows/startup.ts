import { makeEmptyProgram } from "../empty_program.ts";
import type { Ground } from "../ground.ts";
import { type Contestant, OURS, type Row } from "../row.ts";
import { timeProgram } from "../run_checked.ts";

const EMPTY = "empty program";

/** From the start of `porthole proxy` to the moment its request stands in the server's socket; nothing but a start-up. */
export const startupRow: Row = {
  name: "startup",
  title: "porthole proxy, start to request",
  unit: "ms",
  better: "less",
  repeats: 10,
  targets: [{ against: EMPTY, text: "<= +10 ms", isMet: ({ ours, theirs }) => ours - theirs <= 10 }],
  async contestants(ground) {
    const ours: Contestant = { name: OURS, measure: (signal) => timeToRequest(ground, signal) };
    const empty = await makeEmptyProgram(ground, { name: "empty", source: "" });
    if (!empty) return [ours];
    return [ours, { name: EMPTY, measure: (signal) => timeProgram(empty, { signal }) }];
  },
};

async function timeToRequest({ porthole, home }: Ground, signal: AbortSignal): Promise<number> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [program, ...args] = porthole.argv;
  const start = performance.now();
  await using child = new Deno.Command(program, {
    args: [...args, "proxy", `ws://127.0.0.1:${listener.addr.port}`],
    env: home.environment(),
    stdin: "piped",
    stdout: "null",
    stderr: "null",
    signal,
  }).spawn();
  const ended = child.status.then(({ code }) => {
    throw new Error(`porthole proxy ended with status ${code} before it sent its request`);
  });
  ended.catch(() => {/* it is killed below, when nobody waits for it any more */});
  using connection = await Promise.race([listener.accept(), ended]);
  await Promise.race([connection.read(new Uint8Array(4096)), ended]);
  const elapsed = performance.now() - start;
  child.kill("SIGKILL");
  return elapsed;
}
