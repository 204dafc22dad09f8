import type { Row } from "../row.ts";
import { timeProgram } from "../run_checked.ts";
import { overAllWays } from "../ways/all_ways.ts";
import { ALIAS } from "../ways/way.ts";

/** A whole `ssh HOST true`: what every editor, script and scp waits for first. */
export const connectRow: Row = {
  name: "connect",
  title: "ssh HOST true",
  unit: "ms",
  better: "less",
  repeats: 5,
  targets: [{ against: "sshd", text: "<= 0.70", isMet: ({ ratio }) => ratio <= 0.7 }],
  contestants: (ground) =>
    overAllWays(ground, ({ configFile }, signal) => timeProgram(["ssh", "-F", configFile, ALIAS, "true"], { signal })),
};
