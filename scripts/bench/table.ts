import type { RowResult } from "./measure_row.ts";
import type { Summary } from "./statistics.ts";

const HEAD = ["row", "ours", "against", "theirs", "ours / theirs", "better", "target"];

/** The results as one table, a line for each comparison; a row with nobody to compare with has a line of its own. */
export function formatTable(results: readonly RowResult[]): string {
  const lines = results.flatMap((result) => {
    const ours = `${amount(result.ours, result.unit)}`;
    const better = result.better === "more" ? "higher" : "lower";
    if (!result.comparisons.length) return [[result.title, ours, "-", "-", "-", better, "-"]];
    return result.comparisons.map(({ against, theirs, ratio, target }, index) => [
      index ? "" : result.title,
      index ? "" : ours,
      against,
      amount(theirs, result.unit),
      `${ratio.median.toFixed(2)}x (${ratio.min.toFixed(2)}..${ratio.max.toFixed(2)})`,
      better,
      target ? `${target.text}: ${target.isMet ? "met" : "missed"}` : "-",
    ]);
  });
  const all = [HEAD, ...lines];
  const widths = HEAD.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
  const row = (line: readonly string[]) =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |\n`;
  return row(HEAD) + row(widths.map((width) => "-".repeat(width))) + lines.map(row).join("");
}

/** `245 MiB/s (240..251)`: the median and the spread. */
function amount({ median, min, max }: Summary, unit: string): string {
  const digits = median < 1 ? 3 : median < 100 ? 1 : 0;
  return `${median.toFixed(digits)} ${unit} (${min.toFixed(digits)}..${max.toFixed(digits)})`;
}
