/** What {@link compileProgram} makes, and of what. */
export interface CompileOptions {
  /** The module that the program starts with. */
  readonly entry: string;
  readonly output: string;
  /** A target triple such as `aarch64-apple-darwin`; without one, this machine's. */
  readonly target?: string | undefined;
  /** The repository's top, where deno.json and deno.lock are. */
  readonly top: string;
}

/**
 * Everything: the least that works, tried with less. `--allow-read` and its kin, however wide, leave out /dev, /proc and
 * /sys ("Requires all access"), and without those `sftp get /dev/shm/file` fails and a session's processes are not found
 * when it is hung up. What is left to refuse, importing code from the network, an SSH server's user can do by hand.
 */
const PERMISSIONS: readonly string[] = ["--allow-all"];

const SETTINGS: readonly string[] = [
  "--no-prompt",
  // `deno task ok` checks types; a binary need not wait for it.
  "--no-check",
  // A compiled program takes its code cache from a predictable file in the shared temp folder and does not ask who owns
  // it: anyone on the host could put code there. Costs the proxy nothing, and 40 ms where ssh2 is loaded (measured).
  "--no-code-cache",
  "--exclude-unused-npm",
  // The size of everything loaded lazily is paid on disk alone; `--bundle` would load it at every start.
];

/** The arguments for `deno` that compile a program. */
export function compileArguments({ entry, output, target }: CompileOptions): string[] {
  return [
    "compile",
    ...SETTINGS,
    ...PERMISSIONS,
    ...(target === undefined ? [] : ["--target", target]),
    "--output",
    output,
    entry,
  ];
}

/**
 * Compiles `entry` into one executable file with the Deno that runs this.
 *
 * The environment is passed on, so that DENORT_BIN names the base runtime as it does for `deno compile` itself.
 * @throws Error with what the compiler said.
 */
export async function compileProgram(options: CompileOptions): Promise<void> {
  const { success, code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: compileArguments(options),
    cwd: options.top,
    stdin: "null",
    env: { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
  }).output();
  if (success) return;
  throw new Error(`deno compile ended with status ${code}:\n${new TextDecoder().decode(stderr).trim()}`);
}
