import type { ShellChar } from "./shell_words.ts";

/** One step of a pattern. */
export type PatternItem =
  | { readonly kind: "any" }
  | { readonly kind: "one" }
  | { readonly kind: "char"; readonly char: string }
  /** Pairs of first and last. */
  | { readonly kind: "set"; readonly ranges: readonly (readonly [string, string])[]; readonly isNegated: boolean };

/** Reads one path component (POSIX.1-2017, 2.13). A `[` without its `]` stands for itself. */
export function parsePattern(chars: readonly ShellChar[]): PatternItem[] {
  const items: PatternItem[] = [];
  for (let at = 0; at < chars.length; at++) {
    const { char, isQuoted } = chars[at] ?? { char: "", isQuoted: true };
    const set = char === "[" && !isQuoted ? parseSet(chars, at) : undefined;
    if (set) {
      items.push(set.item);
      at = set.end;
    } else if (!isQuoted && char === "*") items.push({ kind: "any" });
    else if (!isQuoted && char === "?") items.push({ kind: "one" });
    else items.push({ kind: "char", char });
  }
  return items;
}

function parseSet(chars: readonly ShellChar[], start: number): { item: PatternItem; end: number } | undefined {
  let at = start + 1;
  const first = chars[at];
  const isNegated = first !== undefined && !first.isQuoted && (first.char === "!" || first.char === "^");
  if (isNegated) at++;
  const ranges: [string, string][] = [];
  for (let isFirst = true; at < chars.length; at++, isFirst = false) {
    const { char, isQuoted } = chars[at] ?? { char: "", isQuoted: true };
    if (char === "]" && !isQuoted && !isFirst) return { item: { kind: "set", ranges, isNegated }, end: at };
    const dash = chars[at + 1];
    const last = chars[at + 2];
    if (dash?.char === "-" && !dash.isQuoted && last && (last.char !== "]" || last.isQuoted)) {
      ranges.push([char, last.char]);
      at += 2;
    } else ranges.push([char, char]);
  }
  return undefined;
}

/** True if the whole of `name` fits; a leading dot only fits a dot. Takes at most length times length steps. */
export function matchesPattern(items: readonly PatternItem[], name: string): boolean {
  const first = items[0];
  if (name.startsWith(".") && !(first?.kind === "char" && first.char === ".")) return false;
  const chars = [...name];
  let item = 0;
  let at = 0;
  // Where the last star began to match: only it ever has to take one more.
  let star = -1;
  let starAt = 0;
  while (at < chars.length) {
    const current = items[item];
    if (current?.kind === "any") {
      star = item++;
      starAt = at;
    } else if (current && matchesChar(current, chars[at] ?? "")) {
      item++;
      at++;
    } else if (star >= 0) {
      item = star + 1;
      at = ++starAt;
    } else return false;
  }
  return items.slice(item).every(({ kind }) => kind === "any");
}

function matchesChar(item: PatternItem, char: string): boolean {
  if (item.kind === "char") return item.char === char;
  if (item.kind === "set") return item.ranges.some(([first, last]) => first <= char && char <= last) !== item.isNegated;
  return item.kind === "one";
}
