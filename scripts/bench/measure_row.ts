import { describeError } from "../../src/base/errors.ts";
import type { Ground } from "./ground.ts";
import { OURS, type Row } from "./row.ts";
import { pairedRatios, summarize, type Summary } from "./statistics.ts";

/** Ours against one of the others. */
export interface Comparison {
  readonly against: string;
  readonly theirs: Summary;
  readonly ratio: Summary;
  /** What was promised, and whether it is so. */
  readonly target?: { readonly text: string; readonly isMet: boolean };
}

/** A row's outcome. */
export interface RowResult {
  readonly row: string;
  readonly title: string;
  readonly unit: Row["unit"];
  readonly better: Row["better"];
  readonly ours: Summary;
  readonly comparisons: readonly Comparison[];
}

/**
 * Measures a row in `rounds` rounds; in each, every contestant has its turn, in an order that is reversed every time.
 *
 * A contestant that fails is told with `ground.skip` and left out; null when that is ours.
 */
export async function measureRow(
  row: Row,
  { ground, rounds, signal }: { ground: Ground; rounds: number; signal: AbortSignal },
): Promise<RowResult | null> {
  const contestants = await row.contestants(ground);
  const values = new Map(contestants.map((each) => [each, [] as number[]]));
  const repeats = row.repeats ?? 1;
  for (let turn = repeats > 1 ? -1 : 0; turn < rounds * repeats; turn++) {
    const present = contestants.filter((each) => values.has(each));
    for (const contestant of turn % 2 ? present.toReversed() : present) {
      try {
        signal.throwIfAborted();
        ground.progress(`${row.name}: ${contestant.name}, ${Math.max(turn, 0) + 1} of ${rounds * repeats}`);
        const value = await contestant.measure(signal);
        if (turn >= 0) values.get(contestant)?.push(value);
      } catch (error) {
        signal.throwIfAborted();
        values.delete(contestant);
        ground.skip(`${row.name}: ${contestant.name} failed: ${describeError(error)}`);
      }
    }
  }
  return compare(row, [...values].map(([{ name }, measured]) => ({ name, measured })));
}

function compare(
  row: Row,
  all: readonly { readonly name: string; readonly measured: readonly number[] }[],
): RowResult | null {
  const ours = all.find(({ name }) => name === OURS);
  if (!ours) return null;
  const summary = summarize(ours.measured);
  const comparisons = all.filter((each) => each !== ours).map(({ name, measured }): Comparison => {
    const [theirs, ratio] = [summarize(measured), pairedRatios(ours.measured, measured)];
    const target = row.targets?.find(({ against }) => against === name);
    const outcome = target &&
      { text: target.text, isMet: target.isMet({ ours: summary.median, theirs: theirs.median, ratio: ratio.median }) };
    return { against: name, theirs, ratio, ...(outcome ? { target: outcome } : {}) };
  });
  const { title, unit, better } = row;
  return { row: row.name, title, unit, better, ours: summary, comparisons };
}
