import { AppError } from "../base/errors.ts";

/** More names than this from one pattern are a slip of the keyboard, not a fleet. */
const MAX_NAMES = 100_000;
const RANGE = /^(\d+)-(\d+)(?:\/(\d+))?$/;

/**
 * The host names of a node set: `web[1-20,30]`, `web[01-20]`, `rack[1-2]node[1-4]`, `n[0-8/2]`, `db-[eu,us]`, `a,b`.
 *
 * A list inside brackets may hold ranges, words and further patterns (`n[1-2,1[0-3]]`). A leading zero asks for names of
 * one width. Brackets around an IPv6 address (`[::1]:22`) stay as they are. Order is kept, repeats are dropped.
 * @throws AppError `usage` for unbalanced brackets, an empty part or a range that runs backwards.
 */
export function expandNodeSet(text: string): string[] {
  const names = new Set<string>();
  for (const part of splitNodeSet(text)) {
    for (const name of expandPattern(part, text)) names.add(name);
    if (names.size > MAX_NAMES) throw tooMany(text);
  }
  return [...names];
}

/** The parts of a node set at its commas, those inside brackets left alone. @throws AppError `usage`. */
export function splitNodeSet(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "[") depth++;
    else if (text[at] === "]" && --depth < 0) throw badNodeSet(text, 'a "]" has no "["');
    else if (text[at] === "," && depth === 0) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  if (depth !== 0) throw badNodeSet(text, 'a "[" has no "]"');
  parts.push(text.slice(start));
  const trimmed = parts.map((part) => part.trim());
  if (trimmed.includes("")) throw badNodeSet(text, "a part is empty");
  return trimmed;
}

function expandPattern(pattern: string, whole: string): string[] {
  let names = [""];
  let rest = pattern;
  // What all names go on with: added once there is a choice again, and not to each name bracket by bracket.
  let common = "";
  for (let open = findListStart(rest); open >= 0; open = findListStart(rest)) {
    const close = findClose(rest, open);
    const items = splitNodeSet(rest.slice(open + 1, close)).flatMap((item) => expandItem(item, whole));
    common += rest.slice(0, open);
    rest = rest.slice(close + 1);
    if (names.length * items.length > MAX_NAMES) throw tooMany(whole);
    const [only = ""] = items;
    if (items.length > 1) names = names.flatMap((name) => items.map((item) => `${name}${common}${item}`));
    common = items.length > 1 ? "" : common + only;
  }
  return names.map((name) => `${name}${common}${rest}`);
}

/** Where the first bracket stands that opens a list: one around colons is an IPv6 address. */
function findListStart(pattern: string): number {
  for (let at = pattern.indexOf("["); at >= 0; at = pattern.indexOf("[", at + 1)) {
    if (!pattern.slice(at, findClose(pattern, at)).includes(":")) return at;
  }
  return -1;
}

function findClose(pattern: string, open: number): number {
  let depth = 0;
  for (let at = open; at < pattern.length; at++) {
    if (pattern[at] === "[") depth++;
    else if (pattern[at] === "]" && --depth === 0) return at;
  }
  throw badNodeSet(pattern, 'a "[" has no "]"');
}

function expandItem(item: string, whole: string): string[] {
  const match = RANGE.exec(item);
  if (!match) return expandPattern(item, whole);
  const [, first = "", last = "", step = "1"] = match;
  const width = first.length > 1 && first.startsWith("0") ? first.length : 0;
  const [from, to, by] = [Number(first), Number(last), Number(step)];
  if (!Number.isSafeInteger(to)) throw badNodeSet(whole, `the range ${JSON.stringify(item)} has too many digits`);
  if (to < from) throw badNodeSet(whole, `the range ${JSON.stringify(item)} runs backwards`);
  if (by < 1) throw badNodeSet(whole, `the range ${JSON.stringify(item)} has a step of 0`);
  if ((to - from) / by > MAX_NAMES) throw tooMany(whole);
  const names: string[] = [];
  for (let number = from; number <= to; number += by) names.push(String(number).padStart(width, "0"));
  return names;
}

function badNodeSet(text: string, why: string): AppError {
  return new AppError("usage", `Cannot read ${JSON.stringify(text)} as a node set: ${why}`, {
    hint: 'Write it like "web[1-20,30],db1"',
  });
}

function tooMany(text: string): AppError {
  return new AppError("usage", `The node set ${JSON.stringify(text)} names more than ${MAX_NAMES} hosts`, {
    hint: 'Write it like "web[1-20,30],db1"',
  });
}
