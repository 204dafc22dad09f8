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
 * What porthole may do of what Deno guards. Each is needed whole: hosts, files and programs are the user's to name.
 *
 * Nothing else is granted: no `import` of remote code, and with `--no-prompt` nothing is asked for either.
 */
const PERMISSIONS: readonly string[] = [
  // The proxy dials any host; the agent listens, and dials where -L and -D lead.
  "--allow-net",
  // Keys, records, ssh_config and known_hosts; all that SFTP may reach; `--headers-file` and `--ca-file` anywhere.
  "--allow-read",
  // The same files, and SFTP's uploads.
  "--allow-write",
  // The agent hands its environment on to every session; the proxy looks up HTTPS_PROXY and its kind.
  "--allow-env",
  // `porthole ssh` runs ssh; the agent runs shells, commands and jobs.
  "--allow-run",
  // A pseudo-terminal comes from native code.
  "--allow-ffi",
  // The passwd entry's shell and home, the host's name, ids of user and group.
  "--allow-sys",
];

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
