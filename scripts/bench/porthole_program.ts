import { join } from "node:path";
import { findCompiled, TOP } from "../../tests/support/compiled.ts";

/** The porthole that is measured. */
export interface PortholeProgram {
  /** What it is started with, before its own arguments. */
  readonly argv: readonly [string, ...string[]];
  readonly isCompiled: boolean;
  /** For the head of the table: which one it is, and why not the compiled one. */
  readonly note: string;
}

/** The compiled program when there is one that is not older than its sources, else the source under this Deno. */
export function findPorthole(): PortholeProgram {
  const { path, reason } = findCompiled();
  if (path !== undefined) return { argv: [path], isCompiled: true, note: `porthole is the compiled ${path}` };
  return {
    argv: [Deno.execPath(), "run", "--no-prompt", "-A", join(TOP, "main.ts")],
    isCompiled: false,
    note: `porthole runs from its source, which starts slower than the compiled program (${reason})`,
  };
}
