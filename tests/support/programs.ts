import { delimiter, join } from "node:path";

/** Where administrators' programs (`sshd`, `nginx`, `tc`) live on systems that keep these folders off a user's PATH. */
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The absolute path of the program `name`, looked for on PATH and in the system folders; null when it is not installed. */
export function programPath(name: string): string | null {
  const isWindows = Deno.build.os === "windows";
  const folders = [...(Deno.env.get("PATH") ?? "").split(delimiter), ...(isWindows ? [] : SYSTEM_FOLDERS)];
  const endings = isWindows ? (Deno.env.get("PATHEXT") ?? ".EXE;.CMD").split(";") : [""];
  for (const folder of folders.filter((each) => each !== "")) {
    for (const ending of endings) {
      const path = join(folder, name + ending);
      if (isRunnable(path)) return path;
    }
  }
  return null;
}

/** True when the program `name` is installed: what a test that needs it as a peer is skipped by. */
export function hasProgram(name: string): boolean {
  return programPath(name) !== null;
}

/**
 * The Python 3 interpreter that can import every one of `modules`; null when there is none.
 *
 * The system's own comes first: Debian's `python3-*` packages serve it alone, whatever `python3` stands first on PATH.
 */
export function pythonWith(...modules: readonly string[]): string | null {
  const found = ["/usr/bin/python3", programPath("python3")].filter((path) => path !== null && isRunnable(path));
  return found.find((python) => python !== null && canImport(python, modules)) ?? null;
}

/** True when {@link pythonWith} finds an interpreter for the module `name`. */
export function hasPythonModule(name: string): boolean {
  return pythonWith(name) !== null;
}

/**
 * An OpenSSH client that knows the key exchange `name`: the system's, or a newer one that PORTHOLE_TEST_NEWER_SSH names; null
 * when neither does.
 */
export function sshWithKex(name: string): string | null {
  const candidates = [programPath("ssh"), Deno.env.get("PORTHOLE_TEST_NEWER_SSH")];
  return candidates.find((ssh) => ssh && isRunnable(ssh) && knowsKex(ssh, name)) ?? null;
}

function knowsKex(ssh: string, name: string): boolean {
  const { stdout } = new Deno.Command(ssh, { args: ["-Q", "kex"], stdin: "null", stderr: "null" }).outputSync();
  return new TextDecoder().decode(stdout).split(/\s+/).includes(name);
}

function canImport(python: string, modules: readonly string[]): boolean {
  // find_spec instead of import: it does not run the module, which for asyncssh takes a third of a second.
  const script = "import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, sys.argv[1:])))";
  const { success } = new Deno.Command(python, {
    args: ["-c", script, ...modules],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success;
}

function isRunnable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false; // Not there, or in a folder that may not be read: either way it cannot be run.
  }
}
