import { parseArgs } from "node:util";
import { AppError } from "../../src/base/errors.ts";

/** What the bench was asked for. */
export interface BenchOptions {
  readonly rounds: number;
  readonly payloadMiB: number;
  /** Names of rows; all when empty. */
  readonly only: readonly string[];
  readonly json: boolean;
  readonly help: boolean;
}

/** What `--help` shows. */
export const USAGE = `Measures porthole side by side with what people use otherwise, and prints one table of ratios.

  deno task bench [--rounds N] [--size MIB] [--only ROW]... [--json]

  --rounds N   rounds for each row (3)
  --size MIB   how much is carried in the rows on throughput (512)
  --only ROW   this row alone; more with commas, or given more than once
  --json       one object per row instead of the table
`;

/** @throws AppError `usage` for what is no option, no row, or no positive whole number. */
export function parseBenchOptions(args: readonly string[], rows: readonly string[]): BenchOptions {
  const { values } = parse(args);
  const only = (values.only ?? []).flatMap((names) => names.split(","));
  const unknown = only.find((name) => !rows.includes(name));
  if (unknown !== undefined) {
    throw new AppError("usage", `There is no row ${JSON.stringify(unknown)}: the rows are ${rows.join(", ")}`);
  }
  return {
    rounds: wholeNumber("--rounds", values.rounds ?? "3"),
    payloadMiB: wholeNumber("--size", values.size ?? "512"),
    only,
    json: values.json ?? false,
    help: values.help ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        rounds: { type: "string" },
        size: { type: "string" },
        only: { type: "string", multiple: true },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new AppError("usage", error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new AppError("usage", `${name} takes a whole number of at least 1: got ${JSON.stringify(text)}`);
}
