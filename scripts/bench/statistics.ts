/** The middle of some numbers and how far they spread. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError when there are none. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) throw new RangeError("Cannot summarize no values");
  const half = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 ? half : half - 1] ?? min, sorted[half] ?? max];
  return { median: (low + high) / 2, min, max };
}

/** The ratios of measurements that were taken side by side: machine noise that hits both cancels out. */
export function pairedRatios(ours: readonly number[], theirs: readonly number[]): Summary {
  return summarize(ours.flatMap((value, index) => {
    const other = theirs[index];
    return other === undefined ? [] : [value / other];
  }));
}
