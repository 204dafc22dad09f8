import { type FleetTool, fleetTools } from "../fleet_tools.ts";
import { ANSWER, type ManyHosts, startManyHosts } from "../many_hosts.ts";
import { type MeasuredRun, measureRun } from "../measured_run.ts";
import { OURS, type Row } from "../row.ts";
import { missingPrograms } from "../ways/way.ts";

/** How long the last of 270 hosts waits for its turn while ten others hang, ten refuse and ten show a changed key. */
export const fleetFaultsRow: Row = {
  name: "fleet-faults",
  title: "exec on 300 hosts, 30 of them faulty: the last answer",
  unit: "ms",
  better: "less",
  async contestants(ground) {
    const missing = Deno.build.os === "linux" ? missingPrograms("bash", "ssh", "ssh-keygen") : "needs Linux";
    if (missing !== null) {
      ground.skip(`exec on many hosts: ${missing}`);
      return [];
    }
    const hosts = await startManyHosts(ground, { hasFaults: true });
    const tools = await fleetTools(ground, hosts, { hasFaults: true });
    return tools.map((tool) => ({ name: tool.name, measure: (signal) => lastAnswer(tool, hosts, signal) }));
  },
};

async function lastAnswer(
  { name, argv, env = {} }: FleetTool,
  hosts: ManyHosts,
  signal: AbortSignal,
): Promise<number> {
  const run = await measureRun(argv, { env, signal });
  const answers = run.lines.filter(({ text }) => text.includes(ANSWER));
  if (answers.length !== hosts.healthyCount) {
    throw new Error(`${answers.length} of ${hosts.healthyCount} hosts that can answer did`);
  }
  if (name === OURS) assertHonest(run, hosts);
  return answers.at(-1)?.atMs ?? 0;
}

/** Every host has a result of its own that says what is wrong with it. */
function assertHonest({ lines }: MeasuredRun, { names, faultyOfAKind }: ManyHosts): void {
  const results: ReadonlyArray<{ host: string; error?: { kind: string } }> = lines.map(({ text }) => JSON.parse(text));
  const missing = names.filter((name) => !results.some(({ host }) => host === name));
  if (missing.length || results.length !== names.length) {
    throw new Error(`${results.length} results for ${names.length} hosts; none for ${missing.join(", ") || "nobody"}`);
  }
  for (const kind of ["timeout", "unreachable", "host_key"]) {
    const count = results.filter(({ error }) => error?.kind === kind).length;
    if (count !== faultyOfAKind) throw new Error(`${count} hosts are said to be "${kind}", not ${faultyOfAKind}`);
  }
}
