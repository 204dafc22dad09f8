import { sleep } from "../../base/abort.ts";

/** What a session's programs get to end by themselves after SIGHUP. */
const GRACE_MS = 2000;
const LOOK_EVERY_MS = 25;

/** Sends `signal` to the process group `pgid`; one that is gone already has nothing to hear. */
export function signalGroup(pgid: number, signal: Deno.Signal): void {
  signalPid(Deno.build.os === "windows" ? pgid : -pgid, signal);
}

function signalPid(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // Gone, or by now somebody else's (setuid): both mean that there is nothing left for us to signal.
  }
}

/**
 * Ends everything that runs in the session that `leader` leads: SIGHUP (and SIGCONT, for what is stopped), then SIGKILL
 * to what is left after `graceMs`. Resolves when nothing is left.
 *
 * Finds a session's members in /proc; where there is none, the leader's process group stands for them. What made a
 * session of its own (tmux, screen, setsid, a daemon) is not a member any more, and stays.
 */
export async function hangUp(leader: number, { graceMs = GRACE_MS }: { graceMs?: number } = {}): Promise<void> {
  const signalAll = (signal: Deno.Signal) => {
    signalGroup(leader, signal);
    for (const pid of sessionMembers(leader)) signalPid(pid, signal);
  };
  if (Deno.build.os === "windows") return signalGroup(leader, "SIGKILL");
  signalAll("SIGHUP");
  signalAll("SIGCONT");
  const graceEnds = performance.now() + graceMs;
  while (performance.now() < graceEnds) {
    if (!isAnyAlive(leader)) return;
    await sleep(LOOK_EVERY_MS);
  }
  // A process may fork between the look and the signal: look again until there is nobody.
  for (let round = 0; round < 40 && isAnyAlive(leader); round++) {
    signalAll("SIGKILL");
    await sleep(LOOK_EVERY_MS);
  }
}

function isAnyAlive(leader: number): boolean {
  if (hasProc()) return sessionMembers(leader).length > 0;
  try {
    // Signal 0 is not to be had here; SIGCONT does nothing to what runs.
    Deno.kill(-leader, "SIGCONT");
    return true;
  } catch {
    // No such group: all gone.
    return false;
  }
}

/** Pids of the processes of session `sid` that are not dead yet. Empty without /proc. */
export function sessionMembers(sid: number): number[] {
  if (!hasProc()) return [];
  const members: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (Number.isInteger(pid) && sessionOf(pid) === sid) members.push(pid);
  }
  return members;
}

function hasProc(): boolean {
  return Deno.build.os === "linux" && sessionOf(Deno.pid) !== undefined;
}

/** The session id of a process that lives (proc(5), /proc/pid/stat); undefined for one that is gone or a zombie. */
function sessionOf(pid: number): number | undefined {
  let stat: string;
  try {
    stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch {
    // It ended while we looked.
    return undefined;
  }
  // The name in parentheses may hold anything, parentheses too.
  const [state, , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === "Z" || state === "X" ? undefined : Number(session);
}
