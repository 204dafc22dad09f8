import { describeError, toAppError } from "../src/base/errors.ts";
import { prepareGround } from "./bench/ground.ts";
import { measureRow, type RowResult } from "./bench/measure_row.ts";
import { type BenchOptions, parseBenchOptions, USAGE } from "./bench/options.ts";
import { ALL_ROWS } from "./bench/rows/all_rows.ts";
import { formatTable } from "./bench/table.ts";

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseBenchOptions(args, ALL_ROWS.map(({ name }) => name));
  if (options.help) {
    print(Deno.stdout, USAGE);
    return 0;
  }
  const results = await measure(options, signal);
  if (!options.json) print(Deno.stdout, `\n${formatTable(results)}`);
  return results.length ? 0 : 1;
}

async function measure({ rounds, payloadMiB, only, json }: BenchOptions, signal: AbortSignal): Promise<RowResult[]> {
  const isTerminal = Deno.stderr.isTerminal();
  const notice = (line: string) => print(Deno.stderr, isTerminal ? `\r\x1b[K${line}\n` : `${line}\n`);
  const progress = (line: string) => isTerminal && print(Deno.stderr, `\r\x1b[K${line}`);
  await using ground = await prepareGround({ payloadMiB, notice, progress });
  notice(ground.porthole.note);
  notice(`${rounds} rounds, ${payloadMiB} MiB carried, ${navigator.hardwareConcurrency} processors`);
  const results: RowResult[] = [];
  for (const row of ALL_ROWS.filter(({ name }) => !only.length || only.includes(name))) {
    const result = await measureRow(row, { ground, rounds, signal });
    if (!result) continue;
    results.push(result);
    if (json) print(Deno.stdout, `${JSON.stringify(result)}\n`);
    else progress(`${row.name} is done`);
  }
  if (isTerminal) print(Deno.stderr, "\r\x1b[K");
  return results;
}

function print(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  to.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main) {
  const controller = new AbortController();
  const stop = () => controller.abort(new DOMException("Interrupted", "AbortError"));
  Deno.addSignalListener("SIGINT", stop);
  try {
    Deno.exitCode = await main(Deno.args, controller.signal);
  } catch (error) {
    const { exitStatus } = toAppError(error);
    print(Deno.stderr, `${describeError(error)}\n`);
    Deno.exitCode = exitStatus;
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
  }
}
