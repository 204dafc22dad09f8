import { join } from "node:path";
import { deadline, orAbort, sleep } from "../base/abort.ts";
import { formatDuration } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { explainSshEnd } from "../targets/forward_ssh_end.ts";

const RETRY_MS = 1_000;
const KILL_AFTER_MS = 2_000;
/** Of what ssh said, the end is what tells why it failed. */
const MAX_CHARS = 8_192;

/** Options of {@link warmTarget}. */
export interface WarmTargetOptions {
  readonly alias: string;
  /** The target's block; with ControlMaster in it, what follows shares the connection made here. */
  readonly block: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  onProgress(line: string): void;
}

/**
 * Logs in to a target with the system's ssh until it works: an editor gives its own ssh 15 s, which a cold route needs
 * more than.
 *
 * @throws AppError `auth_denied`, `host_key_mismatch` at once; the last failure when `timeoutMs` is over.
 */
export async function warmTarget(options: WarmTargetOptions): Promise<void> {
  const { alias, timeoutMs, signal, onProgress } = options;
  let last: AppError | undefined;
  using limit = deadline(timeoutMs, {
    signal,
    reason: () =>
      last ?? new AppError("timeout", `Cannot reach ${alias} within ${formatDuration(timeoutMs)}`, {
        hint: "porthole connect again, if the run was restarted or has ended",
      }),
  });
  onProgress(`Warming the route to ${alias}`);
  for (;;) {
    last = await tryLogin(options, limit.signal);
    if (!last) return;
    if (last.code === "auth_denied" || last.code === "host_key_mismatch" || last.code === "config_invalid") throw last;
    onProgress(`${alias}: ${last.message}`);
    await sleep(RETRY_MS, limit.signal);
  }
}

/** Undefined when it worked. */
async function tryLogin({ alias, block }: WarmTargetOptions, signal: AbortSignal): Promise<AppError | undefined> {
  const folder = await Deno.makeTempDir({ prefix: "porthole-open-" });
  try {
    const config = join(folder, "config");
    await Deno.writeTextFile(config, block, { mode: 0o600 });
    const args = ["-F", config, "-o", "BatchMode=yes", "-o", "ConnectTimeout=30", "-T", "--", alias, "exit 0"];
    return await runSsh(args, signal);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runSsh(args: string[], signal: AbortSignal): Promise<AppError | undefined> {
  const child = spawnSsh(args);
  const reader = child.stderr.getReader();
  const reading = readLines(reader);
  try {
    const { code } = await orAbort(child.status, signal);
    if (code === 255) return explainSshEnd(await reading, code);
    return undefined;
  } catch (error) {
    await end(child);
    throw error;
  } finally {
    // A master that stays in the background may hold the stream open: nobody waits for its end then.
    await reader.cancel();
    await reading;
  }
}

function spawnSsh(args: string[]): Deno.ChildProcess {
  try {
    return new Deno.Command("ssh", { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new AppError("config_invalid", "Cannot find the program ssh", {
      hint: "Install OpenSSH's client (openssh-client), or add its folder to PATH",
      cause: error,
    });
  }
}

async function readLines(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string[]> {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text = (text + decoder.decode(value, { stream: true })).slice(-MAX_CHARS);
  }
  return text.split(/\r?\n/).filter((line) => line.trim() !== "");
}

async function end(child: Deno.ChildProcess): Promise<void> {
  const timer = setTimeout(() => kill(child, "SIGKILL"), KILL_AFTER_MS);
  kill(child, "SIGTERM");
  await child.status;
  clearTimeout(timer);
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended: that is all that was wanted.
  }
}
