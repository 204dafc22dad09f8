import { shellQuote } from "../../../src/base/shell_quote.ts";
import type { Ground } from "../ground.ts";
import type { Contestant, Row, Target } from "../row.ts";
import { timeProgram } from "../run_checked.ts";
import { overAllWays } from "../ways/all_ways.ts";
import { ALIAS } from "../ways/way.ts";

const TARGETS: readonly Target[] = [
  { against: "sshd", text: ">= 0.60", isMet: ({ ratio }) => ratio >= 0.6 },
  { against: "asyncssh + websockets", text: ">= 5.00", isMet: ({ ratio }) => ratio >= 5 },
];

/** What `ssh HOST cat FILE` brings down in a second, once connected. */
export const execDownRow: Row = {
  name: "down",
  title: "ssh HOST cat, down",
  unit: "MiB/s",
  better: "more",
  targets: TARGETS,
  contestants: (ground) =>
    transfers(ground, {
      script: 'exec ssh -F "$1" "$2" "$3" > /dev/null',
      command: (file) => `cat ${shellQuote(file)}`,
    }),
};

/** What `ssh HOST 'cat > /dev/null'` takes up in a second, once connected. */
export const execUpRow: Row = {
  name: "up",
  title: "ssh HOST cat, up",
  unit: "MiB/s",
  better: "more",
  targets: TARGETS,
  contestants: (ground) =>
    transfers(ground, { script: 'exec ssh -F "$1" "$2" "$3" < "$4"', command: () => "cat > /dev/null" }),
};

/** `script` opens the files: Deno hands a child pipes alone, and one that carries these bytes would be measured too. */
async function transfers(
  ground: Ground,
  { script, command }: { script: string; command: (file: string) => string },
): Promise<Contestant[]> {
  const file = await ground.payload(ground.payloadMiB);
  return await overAllWays(ground, async ({ configFile }, signal) => {
    const run = (remote: string, from: string) =>
      timeProgram(["sh", "-c", script, "sh", configFile, ALIAS, remote, from], { signal });
    // Connecting has a row of its own: what it takes here is measured just before, and taken off.
    const connectMs = await run("true", "/dev/null");
    return ground.payloadMiB / ((await run(command(file), file) - connectMs) / 1000);
  });
}
