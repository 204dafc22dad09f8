/** One name taken apart: the texts around its numbers, the numbers, and the width each is padded to (0: none). */
interface Shape {
  readonly texts: readonly string[];
  readonly digits: readonly string[];
}

/** A name with more numbers in it is listed as it is: looking for what they have in common would take too long. */
const MAX_NUMBERS = 12;

/** What stands at each number's place: one set of ranges per place. */
type Row = readonly (readonly string[])[];

/**
 * The shortest node set that names exactly these hosts: the inverse of {@link expandNodeSet}, as `clush -b` shows them.
 *
 * `["web1", "web2", "web3", "db1"]` gives `web[1-3],db1`. Names with brackets in them are listed as they are.
 */
export function foldNodeSet(names: Iterable<string>): string {
  const shapes = new Map<string, Shape[]>();
  for (const name of new Set(names)) {
    const shape = takeApart(name);
    const key = shape.texts.join("\0");
    const known = shapes.get(key);
    if (known) known.push(shape);
    else shapes.set(key, [shape]);
  }
  return [...shapes.values()].flatMap(foldShapes).join(",");
}

function takeApart(name: string): Shape {
  if (/[[\],]/.test(name)) return { texts: [name], digits: [] };
  const parts = name.split(/(\d{1,15})/);
  if (parts.length > 2 * MAX_NUMBERS + 1) return { texts: [name], digits: [] };
  return { texts: parts.filter((_, at) => at % 2 === 0), digits: parts.filter((_, at) => at % 2 === 1) };
}

function foldShapes(shapes: readonly Shape[]): string[] {
  const [first] = shapes;
  if (!first) return [];
  let rows: Row[] = shapes.map((shape) => shape.digits.map((digits) => [digits]));
  for (let place = first.digits.length - 1; place >= 0; place--) rows = mergeAt(rows, place);
  const isPadded = first.digits.map((_, place) => paddedWidths(shapes, place));
  return rows.map((row) =>
    first.texts.map((text, at) => {
      const numbers = row[at];
      return numbers ? `${text}${writeNumbers(numbers, isPadded[at] ?? new Set())}` : text;
    }).join("")
  );
}

/** Joins the rows that differ at `place` alone. */
function mergeAt(rows: readonly Row[], place: number): Row[] {
  const merged = new Map<string, string[][]>();
  for (const row of rows) {
    const key = JSON.stringify(row.filter((_, at) => at !== place));
    const known = merged.get(key);
    if (known) known[place]?.push(...row[place] ?? []);
    else merged.set(key, row.map((numbers) => [...numbers]));
  }
  return [...merged.values()];
}

/** The widths at which some number starts with a zero: there `10` is the follower of `09`, not of `9`. */
function paddedWidths(shapes: readonly Shape[], place: number): Set<number> {
  const widths = new Set<number>();
  for (const { digits } of shapes) {
    const text = digits[place] ?? "";
    if (text.length > 1 && text.startsWith("0")) widths.add(text.length);
  }
  return widths;
}

function writeNumbers(numbers: readonly string[], padded: ReadonlySet<number>): string {
  const byWidth = new Map<number, number[]>();
  for (const text of new Set(numbers)) {
    const width = padded.has(text.length) ? text.length : 0;
    const known = byWidth.get(width);
    if (known) known.push(Number(text));
    else byWidth.set(width, [Number(text)]);
  }
  const ranges = [...byWidth].flatMap(([width, values]) => writeRanges(values.sort((a, b) => a - b), width));
  const [only = ""] = ranges;
  return ranges.length === 1 && !only.includes("-") ? only : `[${ranges.join(",")}]`;
}

function writeRanges(sorted: readonly number[], width: number): string[] {
  const ranges: string[] = [];
  for (let at = 0; at < sorted.length;) {
    let end = at;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end++;
    const [from, to] = [sorted[at], sorted[end]].map((value) => String(value).padStart(width, "0"));
    ranges.push(from === to ? `${from}` : `${from}-${to}`);
    at = end + 1;
  }
  return ranges;
}
