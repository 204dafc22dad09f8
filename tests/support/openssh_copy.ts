import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What a program did. */
export interface RunResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Writes a script into `folder` that runs the test entry `name` of this folder with the script's own arguments. */
export async function writeLauncher(folder: string, name: string): Promise<string> {
  const path = join(folder, `run-${name}.sh`);
  const entry = fileURLToPath(new URL(`./${name}`, import.meta.url));
  await Deno.writeTextFile(path, `#!/bin/sh\nexec '${Deno.execPath()}' run -A --no-prompt '${entry}' "$@"\n`);
  await Deno.chmod(path, 0o755);
  return path;
}

/** Runs a program to its end. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { cwd, env, input }: { cwd: string; env?: Record<string, string>; input?: string },
): Promise<RunResult> {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { LC_ALL: "C", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input ?? "")).catch(() => {/* it ended without reading all of it */});
  await writer.close().catch(() => {/* the same */});
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Makes a tree with odd names, modes, times, links and sizes below `folder`; returns its path. */
export async function makeOddTree(folder: string): Promise<string> {
  const tree = join(folder, "tree");
  await Deno.mkdir(join(tree, "sub dir", "deep"), { recursive: true });
  await Deno.mkdir(join(tree, "empty folder"));
  await Deno.writeFile(join(tree, "big"), crypto.getRandomValues(new Uint8Array(65_536)).slice(0, 60_001));
  await Deno.truncate(join(tree, "big"), 1_500_000);
  for (const name of ["plain", "with space", "quote'\"", "star*[a]?", "$HOME", "-dash", "back\\slash", "ünïcödé 😀"]) {
    await Deno.writeTextFile(join(tree, "sub dir", name), `content of ${name}`);
  }
  await Deno.writeTextFile(join(tree, "sub dir", "deep", "empty"), "");
  await Deno.chmod(join(tree, "big"), 0o640);
  await Deno.chmod(join(tree, "sub dir", "plain"), 0o755);
  await Deno.utime(join(tree, "big"), 981_173_106, 981_173_106);
  return tree;
}

/** One line per file and folder below `folder`: path, mode, size, mtime of files, and a hash of what is in it. */
export async function describeTree(folder: string, { withTimes = true } = {}): Promise<string[]> {
  const lines: string[] = [];
  for (const { name } of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = join(folder, name);
    const { isDirectory, mode, mtime, size } = await Deno.stat(path);
    const time = withTimes ? Math.floor((mtime?.getTime() ?? 0) / 1000) : "";
    lines.push(`${name} ${mode?.toString(8)} ${isDirectory ? "" : `${size} ${time} ${await hashOf(path)}`}`);
    if (isDirectory) lines.push(...(await describeTree(path, { withTimes })).map((line) => `${name}/${line}`));
  }
  return lines;
}

async function hashOf(path: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}
