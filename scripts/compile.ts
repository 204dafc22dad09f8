import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeError } from "../src/base/errors.ts";
import { compileProgram } from "./compile/compile_program.ts";

const USAGE = `Makes porthole, one executable file.

  deno task compile [--target TRIPLE] [--output FILE]

  --target TRIPLE  the machine it is for, such as x86_64-unknown-linux-gnu; this one's by default
  --output FILE    where it goes; dist/porthole by default

DENORT_BIN names the base runtime where Deno cannot download one.
`;

function print(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { target: { type: "string" }, output: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const top = fileURLToPath(new URL("..", import.meta.url));
  const isWindows = (values.target ?? Deno.build.target).includes("windows");
  const output = values.output ?? join(top, "dist", isWindows ? "porthole.exe" : "porthole");
  await compileProgram({ top, entry: join(top, "main.ts"), output, target: values.target });
  const { size } = await Deno.stat(output);
  print(`${output}: ${(size / 1024 / 1024).toFixed(1)} MiB\n`);
  return 0;
}

if (import.meta.main) {
  Deno.exitCode = await main(Deno.args).catch((error: unknown) => {
    print(`${describeError(error)}\n`);
    return 1;
  });
}
