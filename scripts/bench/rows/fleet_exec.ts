import { type FleetTool, fleetTools } from "../fleet_tools.ts";
import type { Ground } from "../ground.ts";
import { ANSWER, startManyHosts } from "../many_hosts.ts";
import { type MeasuredRun, measureRun } from "../measured_run.ts";
import type { Row, Target } from "../row.ts";
import { missingPrograms } from "../ways/way.ts";

const OTHERS = ["xargs -P ssh", "clush", "pssh", "ansible"];

/** From the start of the program to its end, 300 hosts, 32 at once. */
export const fleetWallRow = fleetRow("wall", {
  title: "exec on 300 hosts",
  unit: "ms",
  atMost: 0.5,
  read: ({ wallMs }) => wallMs,
});

/** User and system time of the program and all that it starts. */
export const fleetCpuRow = fleetRow("cpu", {
  title: "exec on 300 hosts, CPU time",
  unit: "ms",
  atMost: 1 / 3,
  read: ({ cpuMs }) => cpuMs,
});

/** The most memory of all its processes together. */
export const fleetMemoryRow = fleetRow("memory", {
  title: "exec on 300 hosts, peak memory",
  unit: "MiB",
  read: ({ peakMiB }) => peakMiB,
});

interface FleetRowOptions {
  readonly title: string;
  readonly unit: Row["unit"];
  /** The promise: so much of each of the others. */
  readonly atMost?: number;
  readonly read: (run: MeasuredRun) => number;
}

/** The three rows look at the same runs: who asks first makes one, and the others find it. */
function fleetRow(name: string, { title, unit, atMost, read }: FleetRowOptions): Row {
  const targets = atMost === undefined ? [] : OTHERS.map((against): Target => ({
    against,
    text: `<= ${atMost.toFixed(2)}`,
    isMet: ({ ratio }) => ratio <= atMost,
  }));
  return {
    name: `fleet-${name}`,
    title,
    unit,
    better: "less",
    targets,
    async contestants(ground) {
      const runs = await ground.shared("fleet-exec", () => openRuns(ground));
      return runs?.tools.map((tool) => {
        let turn = 0;
        return { name: tool.name, measure: async (signal) => read(await runs.of(tool, turn++, signal)) };
      }) ?? [];
    },
  };
}

/** The runs of all tools, by turn. */
interface Runs {
  readonly tools: readonly FleetTool[];
  of(tool: FleetTool, turn: number, signal: AbortSignal): Promise<MeasuredRun>;
}

async function openRuns(ground: Ground): Promise<Runs | null> {
  const missing = Deno.build.os === "linux" ? missingPrograms("bash", "ssh", "ssh-keygen") : "needs Linux";
  if (missing !== null) {
    ground.skip(`exec on many hosts: ${missing}`);
    return null;
  }
  const hosts = await startManyHosts(ground, { hasFaults: false });
  const tools = await fleetTools(ground, hosts, { hasFaults: false });
  const made = new Map<string, Promise<MeasuredRun>>();
  return {
    tools,
    of(tool, turn, signal) {
      const key = `${tool.name} ${turn}`;
      const run = made.get(key) ?? runAll(tool, hosts.names.length, signal);
      made.set(key, run);
      return run;
    },
  };
}

async function runAll({ argv, env = {} }: FleetTool, count: number, signal: AbortSignal): Promise<MeasuredRun> {
  const run = await measureRun(argv, { env, signal });
  const answers = run.lines.filter(({ text }) => text.includes(ANSWER)).length;
  if (answers !== count) throw new Error(`${answers} of ${count} hosts answered`);
  return run;
}
