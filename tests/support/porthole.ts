import { join } from "node:path";
import { TOP } from "./compiled.ts";
import type { TempHome } from "./temp_home.ts";

/** The words that run porthole from its source. */
export const PORTHOLE: readonly [string, ...string[]] = [
  Deno.execPath(),
  "run",
  "--quiet",
  "--no-prompt",
  "--allow-all",
  join(TOP, "main.ts"),
];

/** How a program ended and what it said. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in a home of its own, with nothing on stdin. */
export async function runAt(
  home: TempHome,
  [program, ...args]: readonly [string, ...string[]],
  extra: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    env: home.environment(extra),
    clearEnv: true,
    cwd: home.path,
    stdin: "null",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}
