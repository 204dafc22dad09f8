import { join } from "node:path";
import { runChecked, timeProgram } from "./run_checked.ts";
import { summarize } from "./statistics.ts";

/** What a shell reads of its user's at every command that comes in over SSH, without being a log-in shell. */
const SHELL_FILES = [".bashrc", ".zshenv"];
/** Below this the account's own files do not matter beside a connection. */
const WORTH_TELLING_MS = 5;

/**
 * What to put before a server's own words so that the shells it starts find the account's start-up files empty.
 *
 * They are the account's, not the server's, and can take longer than a whole connection. Servers look the home folder up
 * in the passwd entry, so an own HOME does not help; a mount namespace does, where it may be made (root on Linux). Where
 * not, `notice` tells what they cost.
 */
export async function quietShellPrefix(notice: (line: string) => void): Promise<readonly string[]> {
  const { home, shell } = await accountOf(Deno.uid());
  const files = SHELL_FILES.map((name) => join(home, name)).filter(isFile);
  if (!files.length) return [];
  const script = 'while [ "$1" != -- ]; do mount --bind /dev/null "$1" || exit; shift; done; shift; exec "$@"';
  const prefix = ["unshare", "--mount", "sh", "-c", script, "sh", ...files, "--"];
  try {
    await runChecked(["unshare", ...prefix.slice(1), "true"]);
    return prefix;
  } catch {
    // No right to, or no Linux: they count in, and the reader is told how much.
  }
  const costMs = await shellCost(shell);
  if (costMs > WORTH_TELLING_MS) {
    notice(`each command includes about ${Math.round(costMs)} ms for ${files.join(" and ")}, with every server alike`);
  }
  return [];
}

async function accountOf(uid: number | null): Promise<{ home: string; shell: string }> {
  const fallback = { home: Deno.env.get("HOME") ?? "/", shell: Deno.env.get("SHELL") ?? "/bin/sh" };
  try {
    const [, , , , , home = fallback.home, shell = fallback.shell] =
      (await runChecked(["getent", "passwd", String(uid)])).trim().split(":");
    return { home, shell };
  } catch {
    return fallback; // macOS has no getent, but an environment that fits.
  }
}

/** What `shell` takes for nothing, as a server starts it: SSH_CLIENT and a first SHLVL make bash read its files (bash(1)). */
async function shellCost(shell: string): Promise<number> {
  const env = { SSH_CLIENT: "127.0.0.1 1 1", SHLVL: "0" };
  const times: number[] = [];
  for (let count = 0; count < 5; count++) times.push(await timeProgram([shell, "-c", "true"], { env }));
  return summarize(times).median;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // None there, which is as good as an empty one.
  }
}
