import { AppError, describeError } from "../../src/base/errors.ts";
import { makeInput } from "./mutate.ts";
import { Random } from "./random.ts";
import type { FuzzTarget } from "./target.ts";

/** Longer than this for one input is a hang to whoever waits; inputs have 256 KiB at most. */
const MAX_CASE_MS = 3000;
/** The least that was in use at any of so many looks counts: garbage is collected in between. */
const LOOKS = 40;
const MAX_GROWTH_BYTES = 128 * 1024 * 1024;
/** Where garbage cannot be collected on demand it may be that much more. */
const MAX_GARBAGE_BYTES = 1024 * 1024 * 1024;
const LOOK_EVERY = 50;
const MAX_FAULTS = 20;

/** Options of {@link runFuzz}. */
export interface RunFuzzOptions {
  readonly targets: readonly FuzzTarget[];
  readonly seed: number;
  readonly forMs: number;
  /** So many inputs of one target, then the next one's turn. */
  readonly turn?: number;
  /** One input alone, to see a fault again. */
  readonly onlyCase?: number | undefined;
  /** Collects garbage at once: `gc` of V8, if it is there. */
  readonly collectGarbage?: (() => void) | undefined;
  /** Told before each input is tried. */
  onCase?(target: string, index: number): void;
}

/** An input that something could not take. */
export interface FuzzFault {
  readonly target: string;
  readonly index: number;
  readonly what: string;
  readonly input: Uint8Array;
}

/** What {@link runFuzz} has seen. */
export interface FuzzResult {
  readonly faults: readonly FuzzFault[];
  /** How many inputs each target was given. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Gives every target inputs in turn until the time is over. The same seed gives the same inputs in the same order. */
export async function runFuzz(
  { targets, seed, forMs, turn = 50, onlyCase, collectGarbage, onCase }: RunFuzzOptions,
): Promise<FuzzResult> {
  const faults: FuzzFault[] = [];
  const counts = new Map(targets.map(({ name }) => [name, 0]));
  const memory = new MemoryFloor(collectGarbage);
  const tryCase = async (target: FuzzTarget, index: number) => {
    onCase?.(target.name, index);
    const random = new Random(seed, target.name, index);
    const input = makeInput(random, target);
    const what = await faultOf(target, { input: input.slice(), random });
    const grown = index % LOOK_EVERY === 0 ? memory.look() : undefined;
    const fault = what ?? grown;
    if (fault !== undefined) faults.push({ target: target.name, index, what: fault, input });
    counts.set(target.name, (counts.get(target.name) ?? 0) + 1);
  };
  if (onlyCase !== undefined) {
    for (const target of targets) await tryCase(target, onlyCase);
    return { faults, counts };
  }
  const endsAt = performance.now() + forMs;
  for (let begin = 0; performance.now() < endsAt; begin += turn) {
    for (const target of targets) {
      for (let index = begin; index < begin + turn && performance.now() < endsAt; index++) {
        await tryCase(target, index);
        if (faults.length >= MAX_FAULTS) return { faults, counts };
      }
    }
  }
  return { faults, counts };
}

async function faultOf(
  target: FuzzTarget,
  { input, random }: { input: Uint8Array<ArrayBuffer>; random: Random },
): Promise<string | undefined> {
  const startedAt = performance.now();
  try {
    await target.run(input, random);
  } catch (error) {
    if (!(error instanceof AppError)) return error instanceof Error ? error.stack ?? error.message : String(error);
    if (error.code === "internal") return `internal: ${describeError(error.cause ?? error)}`;
  }
  const tookMs = performance.now() - startedAt;
  return tookMs > MAX_CASE_MS ? `took ${Math.round(tookMs)} ms` : undefined;
}

/** Sees what stays in use, as opposed to what is garbage that nobody has collected yet. */
class MemoryFloor {
  #first: number | undefined;
  #least = Infinity;
  #looks = 0;

  constructor(readonly collectGarbage: (() => void) | undefined) {}

  /** What is wrong, if anything is. */
  look(): string | undefined {
    if (this.#looks === LOOKS - 1) this.collectGarbage?.();
    const { heapUsed, external } = Deno.memoryUsage();
    this.#least = Math.min(this.#least, heapUsed + external);
    if (++this.#looks < LOOKS) return undefined;
    const floor = this.#least;
    this.#looks = 0;
    this.#least = Infinity;
    this.#first ??= floor;
    const grown = floor - this.#first;
    const max = MAX_GROWTH_BYTES + (this.collectGarbage ? 0 : MAX_GARBAGE_BYTES);
    return grown > max ? `what is in use has grown by ${Math.round(grown / 2 ** 20)} MiB` : undefined;
  }
}
