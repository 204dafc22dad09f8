import { join } from "node:path";
import { TOP } from "../../tests/support/compiled.ts";
import { compileProgram } from "../compile/compile_program.ts";
import type { Ground } from "./ground.ts";

/**
 * What a program costs that does nothing but `source`, made the same way as the porthole that is measured: compiled with
 * the same settings, or run from its source. Null, told with `ground.skip`, where it cannot be compiled.
 */
export async function makeEmptyProgram(
  ground: Ground,
  { name, source }: { name: string; source: string },
): Promise<readonly [string, ...string[]] | null> {
  const entry = join(ground.home.path, `${name}.ts`);
  await Deno.writeTextFile(entry, source);
  if (!ground.porthole.isCompiled) return [Deno.execPath(), "run", "--no-prompt", "-A", entry];
  const output = join(ground.home.path, name);
  try {
    await compileProgram({ top: TOP, entry, output });
    return [output];
  } catch (error) {
    // The first line: the rest is the compiler's own account of it.
    ground.skip(
      `an empty compiled program: ${String(error).split("\n", 2).join(" ")} (DENORT_BIN may name a base runtime)`,
    );
    return null;
  }
}
