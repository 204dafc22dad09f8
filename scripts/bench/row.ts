import type { Ground } from "./ground.ts";

/** The name of the contestant that the others are compared with. */
export const OURS = "porthole";

/** One of those that a row compares. */
export interface Contestant {
  /** As the table shows it. */
  readonly name: string;
  /** Does the work once; resolves to what was measured, in the row's unit. */
  measure(signal: AbortSignal): Promise<number>;
}

/** A promise about our ratio to one of the others, for the table's last column. */
export interface Target {
  readonly against: string;
  /** How it is written: `>= 0.6`. */
  readonly text: string;
  isMet(measured: { readonly ours: number; readonly theirs: number; readonly ratio: number }): boolean;
}

/** One comparison: each ratio is ours by theirs, from measurements taken side by side. */
export interface Row {
  /** What `--only` takes: `connect`. */
  readonly name: string;
  readonly title: string;
  readonly unit: "ms" | "MiB/s" | "MiB";
  /** Which way is better. */
  readonly better: "more" | "less";
  /** Measurements of each contestant in one round; 1 by default. With more than one, the first of all is thrown away. */
  readonly repeats?: number;
  readonly targets?: readonly Target[];
  /** Who can take part on this machine; what cannot is told with `ground.skip`. Servers live as long as `ground`. */
  contestants(ground: Ground): Promise<readonly Contestant[]>;
}
