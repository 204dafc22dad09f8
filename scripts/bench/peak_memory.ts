import { sleep } from "../../src/base/abort.ts";

/** How often a process is looked at; what it grew in its last moments may be missed. */
const EVERY_MS = 10;

/** Resolves, once `isOver` does, to the most memory in MiB that the process `pid` was seen to have had: VmHWM, proc(5). */
export async function watchPeakMemory(pid: number, isOver: Promise<unknown>): Promise<number> {
  let peakKiB = 0;
  let ended = false;
  isOver.finally(() => ended = true).catch(() => {/* whoever started it looks at how it ended */});
  while (!ended) {
    peakKiB = Math.max(peakKiB, await highWaterMark(pid));
    await sleep(EVERY_MS);
  }
  if (peakKiB === 0) throw new Error(`the memory of process ${pid} could not be seen`);
  return peakKiB / 1024;
}

/** The first child that `pid` starts. @throws Error when `isOver` settles before there is one. */
export async function firstChild(pid: number, isOver: Promise<unknown>): Promise<number> {
  let ended = false;
  isOver.finally(() => ended = true).catch(() => {/* as above */});
  while (!ended) {
    const children = await readProc(`/proc/${pid}/task/${pid}/children`);
    const first = Number(children.trim().split(" ")[0]);
    if (first) return first;
    await sleep(1);
  }
  throw new Error(`process ${pid} ended without a child`);
}

async function highWaterMark(pid: number): Promise<number> {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(await readProc(`/proc/${pid}/status`))?.[1] ?? 0);
}

async function readProc(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => ""); // The process has ended.
}
