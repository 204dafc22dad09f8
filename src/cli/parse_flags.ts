import { parseArgs } from "node:util";
import { parseDuration } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import type { AnyCommand, CommandInput, FlagSpec, FlagSpecs } from "./command.ts";

/** A command line taken apart: what `run` needs, and the flags that every command has. */
export interface ParsedCommandLine {
  readonly input: CommandInput<FlagSpecs>;
  readonly isHelp: boolean;
}

type OptionToken = Extract<ReturnType<typeof tokenize>[number], { kind: "option" }>;

const EVERYWHERE: FlagSpecs = {
  help: { kind: "boolean", short: "h", summary: "Show this help" },
  json: { kind: "boolean", summary: "Print one JSON object per line" },
};

/** All flags of a command, those that every command has included. */
export function flagsOf(command: AnyCommand): FlagSpecs {
  return { ...command.flags, ...EVERYWHERE };
}

/**
 * The words behind the command's name as its flags, positionals and rest.
 *
 * A command with `rest` takes all words from the first one behind its positionals as they are, as ssh(1) does, unless
 * its rest `hasFlags`.
 * @throws AppError `usage` that names the word.
 */
export function parseCommandLine(command: AnyCommand, args: readonly string[]): ParsedCommandLine {
  const specs = flagsOf(command);
  const { options, positionals, rest } = divide(command, args);
  const values = readFlags(command, { specs, options });
  const isHelp = values.help === true;
  if (!isHelp) checkCount(command, positionals);
  return { input: { flags: values as never, positionals, rest }, isHelp };
}

/** True with `--json` among the words that are the command's own, also where others of them cannot be used. */
export function asksForJson(command: AnyCommand, args: readonly string[]): boolean {
  return divide(command, args).options.some(({ rawName }) => rawName === "--json");
}

function tokenize(args: readonly string[], specs: FlagSpecs) {
  const options: Record<string, { type: "boolean" | "string"; short?: string }> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const type = spec.kind === "boolean" ? "boolean" : "string";
    options[name] = spec.short === undefined ? { type } : { type, short: spec.short };
  }
  return parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    allowNegative: true,
    tokens: true,
  })
    .tokens;
}

function divide(command: AnyCommand, args: readonly string[]) {
  const wanted = command.positionals?.length ?? 0;
  const options: OptionToken[] = [];
  const positionals: string[] = [];
  const rest: string[] = [];
  for (const token of tokenize(args, flagsOf(command))) {
    if (token.kind === "option") options.push(token);
    else if (token.kind === "option-terminator") {
      if (command.rest && positionals.length >= requiredCount(command)) {
        return { options, positionals, rest: [...rest, ...args.slice(token.index + 1)] };
      }
    } else if (positionals.length < wanted || !command.rest) positionals.push(token.value);
    else if (command.rest.hasFlags?.(options.map(({ name }) => name))) rest.push(token.value);
    else return { options, positionals, rest: args.slice(token.index) };
  }
  return { options, positionals, rest };
}

function readFlags(
  command: AnyCommand,
  { specs, options }: { specs: FlagSpecs; options: readonly OptionToken[] },
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(specs)) values[name] = defaultOf(spec, name);
  for (const { name, rawName, value } of options) {
    const isNegated = rawName.startsWith("--no-") && specs[name] === undefined;
    const key = isNegated ? rawName.slice("--no-".length) : name;
    const spec = specs[key];
    if (!spec || (isNegated && spec.kind !== "boolean")) throw unknownFlag(command, { rawName, specs });
    values[key] = readValue(spec, { rawName, value, isNegated, before: values[key] });
  }
  return values;
}

function readValue(
  spec: FlagSpec,
  { rawName, value, isNegated, before }: {
    rawName: string;
    value: string | undefined;
    isNegated: boolean;
    before: unknown;
  },
): unknown {
  if (spec.kind === "boolean") {
    if (value === undefined) return !isNegated && !rawName.startsWith("--no-");
    throw new AppError("usage", `Cannot give ${rawName} a value: it is a switch, got ${JSON.stringify(value)}`);
  }
  if (value === undefined) throw new AppError("usage", `Cannot use ${rawName} without a value`);
  switch (spec.kind) {
    case "string":
      if (spec.choices && !spec.choices.includes(value)) {
        throw new AppError(
          "usage",
          `Cannot use ${rawName} ${JSON.stringify(value)}: it must be ${orList(spec.choices)}`,
        );
      }
      return value;
    case "list":
      return [...(before as string[]), value];
    case "duration":
      return parseDuration(value, rawName);
    case "integer":
      return parseInteger(value, { rawName, min: spec.min, max: spec.max });
  }
}

function parseInteger(
  text: string,
  { rawName, min = 0, max = Number.MAX_SAFE_INTEGER }: {
    rawName: string;
    min: number | undefined;
    max: number | undefined;
  },
): number {
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
  throw new AppError("usage", `Cannot parse ${rawName} as a whole number ${range}: got ${JSON.stringify(text)}`);
}

function defaultOf(spec: FlagSpec, name: string): unknown {
  if (spec.kind === "list") return [];
  if (spec.kind === "duration") {
    return spec.default === undefined ? undefined : parseDuration(spec.default, `--${name}`);
  }
  return spec.default;
}

function requiredCount(command: AnyCommand): number {
  return command.positionals?.filter((positional) => !positional.isOptional).length ?? 0;
}

function checkCount(command: AnyCommand, positionals: readonly string[]): void {
  const surplus = positionals[command.positionals?.length ?? 0];
  if (surplus !== undefined) {
    throw usage(command, `Cannot use ${JSON.stringify(surplus)}: porthole ${command.name} takes no further word`);
  }
  if (positionals.length >= requiredCount(command)) return;
  const missing = command.positionals?.[positionals.length];
  throw usage(command, `Cannot run porthole ${command.name} without ${missing?.name}: ${missing?.summary}`);
}

function unknownFlag(command: AnyCommand, { rawName, specs }: { rawName: string; specs: FlagSpecs }): AppError {
  const bare = rawName.replace(/^--?(?:no-)?/, "");
  const near = Object.keys(specs).filter((name) => isLikely(name, bare));
  const error = usage(command, `Cannot use ${rawName}: porthole ${command.name} has no such flag`);
  return near.length
    ? new AppError("usage", error.message, { hint: `Did you mean ${orList(near.map((name) => `--${name}`))}?` })
    : error;
}

function usage(command: AnyCommand, message: string): AppError {
  return new AppError("usage", message, { hint: `porthole ${command.name} --help` });
}

function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** Whether who has typed `typed` may have meant `name`: two letters off at most, and of short words half of them. */
export function isLikely(name: string, typed: string): boolean {
  return distance(name, typed) <= Math.min(2, typed.length / 2);
}

/** Levenshtein's distance: how many letters to change, add or drop. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
