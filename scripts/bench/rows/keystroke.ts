import type { Row } from "../row.ts";
import { summarize } from "../statistics.ts";
import { overAllWays } from "../ways/all_ways.ts";
import { ALIAS, type Reach } from "../ways/way.ts";

const WARM_UP = 50;
const KEYSTROKES = 500;

/** One byte to `cat` and back, again and again over one open connection: the median of them. */
export const keystrokeRow: Row = {
  name: "keystroke",
  title: "1 byte to cat and back",
  unit: "ms",
  better: "less",
  targets: [{ against: "sshd", text: "<= +1 ms", isMet: ({ ours, theirs }) => ours - theirs <= 1 }],
  contestants: (ground) => overAllWays(ground, measureKeystroke),
};

async function measureKeystroke({ configFile }: Reach, signal: AbortSignal): Promise<number> {
  await using child = new Deno.Command("ssh", {
    args: ["-F", configFile, ALIAS, "cat"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    signal,
  }).spawn();
  const writer = child.stdin.getWriter();
  const reader = child.stdout.getReader();
  const times: number[] = [];
  for (let count = -WARM_UP; count < KEYSTROKES; count++) {
    const start = performance.now();
    await writer.write(Uint8Array.of(97));
    if ((await reader.read()).done) throw new Error("ssh ended before its echo");
    if (count >= 0) times.push(performance.now() - start);
  }
  await writer.close();
  while (!(await reader.read()).done) continue;
  return summarize(times).median;
}
