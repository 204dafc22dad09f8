/**
 * Gives everything that takes bytes from strangers inputs that nobody meant: seeds changed at random, and random bytes.
 * Only an AppError or a result is right; all else, more than 3 s for one input, or memory that grows is a fault.
 *
 *     deno run -A scripts/fuzz.ts                                       a minute, with a seed that it prints
 *     deno run -A --v8-flags=--expose-gc scripts/fuzz.ts                sees 128 MiB of growth instead of 1 GiB
 *     deno run -A scripts/fuzz.ts --seed 42 --seconds 600
 *     deno run -A scripts/fuzz.ts --seed 42 --target ssh-config --case 17   one input again
 *
 * Exit status: 0 without a fault, else 1.
 */
import { parseArgs } from "node:util";
import { type FuzzFault, runFuzz } from "./fuzz/run_fuzz.ts";
import { allTargets } from "./fuzz/targets/all_targets.ts";

/** A case that has not ended by then never will. */
const HANG_MS = 30_000;

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function tell({ target, index, what, input }: FuzzFault, seed: number): void {
  print(`FAULT ${target}: ${what}`);
  print(`      ${JSON.stringify(new TextDecoder("latin1").decode(input.subarray(0, 300)))} (${input.length} bytes)`);
  print(`      again: deno run -A scripts/fuzz.ts --seed ${seed} --target ${target} --case ${index}`);
}

/** Ends the process when a case does not end: a loop that waits for nothing leaves no other way. */
function watchForHang(): { readonly begin: (target: string, index: number) => void } & Disposable {
  const shared = new SharedArrayBuffer(260);
  const source = `onmessage = ({ data }) => {
    const count = new Int32Array(data, 0, 1);
    const name = new Uint8Array(data, 4);
    let last = 0, since = performance.now();
    setInterval(() => {
      const now = Atomics.load(count, 0);
      if (now !== last) { last = now; since = performance.now(); }
      else if (performance.now() - since > ${HANG_MS}) {
        console.error("HANG in", new TextDecoder().decode(name.slice(0, name.indexOf(0))));
        Deno.exit(1);
      }
    }, 500);
  };`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  worker.postMessage(shared);
  const count = new Int32Array(shared, 0, 1);
  const name = new Uint8Array(shared, 4);
  return {
    begin(target, index) {
      const bytes = new TextEncoder().encode(`${target} --case ${index}\0`);
      name.set(bytes.subarray(0, name.length));
      Atomics.add(count, 0, 1);
    },
    [Symbol.dispose]: () => worker.terminate(),
  };
}

/** What `--v8-flags=--expose-gc` gives; undefined without. */
function garbageCollector(): (() => void) | undefined {
  const collect: unknown = Reflect.get(globalThis, "gc");
  return typeof collect === "function" ? () => void Reflect.apply(collect, undefined, []) : undefined;
}

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seconds: { type: "string", default: "60" },
    target: { type: "string" },
    case: { type: "string" },
  },
});
const seed = values.seed === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0 : Number(values.seed);
const folder = await Deno.makeTempDir({ prefix: "porthole-fuzz-" });
let loose = 0;
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  loose++;
  print(`FAULT: a rejection that nobody takes: ${event.reason instanceof Error ? event.reason.stack : event.reason}`);
});
try {
  const targets = (await allTargets(folder)).filter(({ name }) => !values.target || name === values.target);
  print(`seed ${seed}, ${targets.length} targets, ${values.seconds} s`);
  using watch = watchForHang();
  const { faults, counts } = await runFuzz({
    targets,
    seed,
    forMs: Number(values.seconds) * 1000,
    onlyCase: values.case === undefined ? undefined : Number(values.case),
    collectGarbage: garbageCollector(),
    onCase: watch.begin,
  });
  for (const [name, count] of counts) print(`${String(count).padStart(9)} ${name}`);
  for (const fault of faults) tell(fault, seed);
  Deno.exitCode = faults.length + loose > 0 ? 1 : 0;
} finally {
  await Deno.remove(folder, { recursive: true });
}
