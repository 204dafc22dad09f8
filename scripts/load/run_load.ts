import { startBulk } from "./bulk.ts";
import { EchoShell, type LoadTarget } from "./echo_shell.ts";

/** Options of {@link runLoad}. */
export interface RunLoadOptions extends LoadTarget {
  /** Sessions with traffic of their own, each on a connection of its own. */
  readonly sessions: number;
  /** Keystrokes measured in each state. */
  readonly keystrokes: number;
  readonly folder: string;
}

/** Milliseconds of a keystroke's way there and back. */
export interface Latency {
  readonly state: string;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** What the bulk session moved meanwhile, in MiB/s; 0 without one. */
  readonly bulkMiBs: number;
}

const KEY = new Uint8Array([120]);
/** Between two keystrokes of somebody who types fast. */
const PAUSE_MS = 5;
/** What the sessions with traffic of their own send at a time, and how often. */
const PIECE_BYTES = 2048;
const PIECE_EVERY_MS = 1000;

/**
 * Measures the keystrokes of one idle shell: alone, beside a session that moves bulk data down, and up, and with many
 * sessions beside it, without and with bulk data.
 *
 * @throws Error when a session's bytes do not come back
 */
export async function runLoad(
  { sessions, keystrokes, folder, ...target }: RunLoadOptions,
): Promise<readonly Latency[]> {
  using shell = await EchoShell.open(target);
  const measure = (state: string, bytes: () => number = () => 0) => measureKeys(shell, { state, keystrokes, bytes });
  const withBulk = async (direction: "down" | "up", state: string) => {
    await using bulk = await startBulk(target, { direction, folder });
    return await measure(state, () => bulk.bytes);
  };
  const results = [await measure("alone")];
  results.push(await withBulk("down", "bulk down"), await withBulk("up", "bulk up"));
  await using crowd = await startCrowd(target, sessions);
  results.push(await measure(`${sessions} sessions`));
  results.push(await withBulk("down", `${sessions} sessions, bulk down`));
  await crowd.assertServed();
  return results;
}

async function measureKeys(
  shell: EchoShell,
  { state, keystrokes, bytes }: { state: string; keystrokes: number; bytes: () => number },
): Promise<Latency> {
  const times: number[] = [];
  const before = bytes();
  const startedAt = performance.now();
  for (let i = 0; i < keystrokes; i++) {
    times.push(await shell.roundTrip(KEY));
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  const bulkMiBs = (bytes() - before) / 2 ** 20 / seconds;
  return { state, p50: at(0.5), p99: at(0.99), max: at(1), bulkMiBs };
}

/** Many sessions, each of which sends its piece again and again and waits for it to come back. */
async function startCrowd(
  target: LoadTarget,
  size: number,
): Promise<AsyncDisposable & { assertServed(): Promise<void> }> {
  const shells: EchoShell[] = [];
  for (let i = 0; i < size; i += 10) {
    shells.push(...await Promise.all(Array.from({ length: Math.min(10, size - i) }, () => EchoShell.open(target))));
  }
  let isOver = false;
  const piece = crypto.getRandomValues(new Uint8Array(PIECE_BYTES));
  const running = shells.map(async (shell, index) => {
    // Not all at once.
    await new Promise((resolve) => setTimeout(resolve, (index * PIECE_EVERY_MS) / size));
    let rounds = 0;
    for (; !isOver || rounds === 0; rounds++) {
      await shell.roundTrip(piece);
      if (!isOver) await new Promise((resolve) => setTimeout(resolve, PIECE_EVERY_MS));
    }
    return rounds;
  });
  const stop = async () => {
    isOver = true;
    return await Promise.all(running);
  };
  return {
    async assertServed() {
      const rounds = await stop();
      if (rounds.some((count) => count === 0)) throw new Error("A session was not served");
    },
    async [Symbol.asyncDispose]() {
      await stop();
      for (const shell of shells) shell[Symbol.dispose]();
    },
  };
}
