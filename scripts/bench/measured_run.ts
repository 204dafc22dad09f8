import { sleep } from "../../src/base/abort.ts";

/** How often the memory is looked at: seldom enough to cost a crowd of processes little. */
const EVERY_MS = 100;

/** What one run of a program, with all that it started, took. */
export interface MeasuredRun {
  readonly wallMs: number;
  /** User and system time, children included. */
  readonly cpuMs: number;
  /** The most memory at one time: what the processes share is counted once (Pss of proc(5)). */
  readonly peakMiB: number;
  /** Of stdout, each with the time since the start. */
  readonly lines: ReadonlyArray<{ readonly atMs: number; readonly text: string }>;
}

/** Options of {@link measureRun}. */
export interface MeasureRunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** `time` of bash adds up its children; what the program says on stderr goes elsewhere. */
const SCRIPT = `exec 3>&2; TIMEFORMAT='times %R %U %S'; time "$@" 2>&3`;
const TIMES = /times [\d.]+ ([\d.]+) ([\d.]+)\s*$/;

/** Runs a program to its end, whatever its status: that some hosts failed may be what it was run for. Needs bash and Linux. */
export async function measureRun(
  argv: readonly [string, ...string[]],
  { env = {}, signal }: MeasureRunOptions,
): Promise<MeasuredRun> {
  const startedAt = performance.now();
  const child = new Deno.Command("bash", {
    args: ["-c", SCRIPT, "bash", ...argv],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).spawn();
  const watching = watchTree(child.pid, child.status);
  const [lines, said, peakMiB] = await Promise.all([
    timeLines(child.stdout, startedAt),
    new Response(child.stderr).text(),
    watching,
    child.status,
  ]);
  const wallMs = performance.now() - startedAt;
  const [, user, system] = TIMES.exec(said) ?? [];
  if (user === undefined || system === undefined) throw new Error(`${argv[0]} said: ${said.trim().slice(-300)}`);
  return { wallMs, cpuMs: 1000 * (Number(user) + Number(system)), peakMiB, lines };
}

async function timeLines(
  stdout: ReadableStream<Uint8Array<ArrayBuffer>>,
  startedAt: number,
): Promise<MeasuredRun["lines"]> {
  const lines: Array<{ atMs: number; text: string }> = [];
  let rest = "";
  for await (const piece of stdout.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + piece).split("\n");
    rest = parts.pop() ?? "";
    for (const text of parts) lines.push({ atMs: performance.now() - startedAt, text });
  }
  return lines;
}

async function watchTree(pid: number, isOver: Promise<unknown>): Promise<number> {
  let peakKiB = 0;
  let ended = false;
  isOver.finally(() => ended = true).catch(() => {/* whoever started it looks at how it ended */});
  while (!ended) {
    const members = await processTree(pid);
    // Bash, which only measures, is not one of them.
    const sizes = await Promise.all(members.slice(1).map(proportionalSize));
    peakKiB = Math.max(peakKiB, sizes.reduce((sum, size) => sum + size, 0));
    await sleep(EVERY_MS);
  }
  return peakKiB / 1024;
}

/** A process and all below it. */
async function processTree(pid: number): Promise<number[]> {
  const children: string[] = [];
  try {
    for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
      children.push(...(await readProc(`/proc/${pid}/task/${name}/children`)).split(" "));
    }
  } catch {
    // It has ended, and its threads with it.
  }
  const below = await Promise.all(children.map(Number).filter((child) => child > 0).map(processTree));
  return [pid, ...below.flat()];
}

async function proportionalSize(pid: number): Promise<number> {
  return Number(/^Pss:\s+(\d+) kB/m.exec(await readProc(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
}

async function readProc(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => ""); // The process has ended.
}
