/** The stdout of a program that must succeed. @throws Error with its status and what it said on stderr. */
export async function runChecked(
  [program, ...args]: readonly [string, ...string[]],
  { env = {}, signal }: { env?: Readonly<Record<string, string>>; signal?: AbortSignal } = {},
): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, {
    args,
    env,
    stdin: "null",
    ...(signal ? { signal } : {}),
  }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`${program} ended with status ${code}: ${new TextDecoder().decode(stderr).trim()}`);
}

/** How many milliseconds a program takes from its start to its end. @throws Error as {@link runChecked} does. */
export async function timeProgram(
  argv: readonly [string, ...string[]],
  options: { env?: Readonly<Record<string, string>>; signal?: AbortSignal } = {},
): Promise<number> {
  const start = performance.now();
  await runChecked(argv, options);
  return performance.now() - start;
}
