import { join } from "node:path";
import type { Ground } from "../ground.ts";
import type { Row } from "../row.ts";
import { timeProgram } from "../run_checked.ts";
import { overAllWays } from "../ways/all_ways.ts";
import { ALIAS, type Reach } from "../ways/way.ts";

/** What `sftp` fetches in a second, once connected. */
export const sftpGetRow: Row = {
  name: "sftp-get",
  title: "sftp get",
  unit: "MiB/s",
  better: "more",
  contestants: (ground) => overAllWays(ground, (reach, signal) => transfer(ground, reach, { verb: "get", signal })),
};

/** What `sftp` stores in a second, once connected. */
export const sftpPutRow: Row = {
  name: "sftp-put",
  title: "sftp put",
  unit: "MiB/s",
  better: "more",
  contestants: (ground) => overAllWays(ground, (reach, signal) => transfer(ground, reach, { verb: "put", signal })),
};

/** A quarter of what the plain rows carry: the slowest of them would take minutes. */
const SHARE = 4;

async function transfer(
  ground: Ground,
  { configFile }: Reach,
  { verb, signal }: { verb: "get" | "put"; signal: AbortSignal },
): Promise<number> {
  const mebibytes = Math.ceil(ground.payloadMiB / SHARE);
  const arrived = join(ground.folder, "arrived");
  const batch = join(ground.folder, "batch");
  await Deno.writeTextFile(batch, `${verb} ${await ground.payload(mebibytes)} ${arrived}\n`);
  const run = (commands: string) => timeProgram(["sftp", "-q", "-F", configFile, "-b", commands, ALIAS], { signal });
  // Connecting has a row of its own: what it takes here is measured just before, and taken off.
  const connectMs = await run("/dev/null");
  const ms = await run(batch) - connectMs;
  const { size } = await Deno.stat(arrived);
  await Deno.remove(arrived);
  if (size !== mebibytes << 20) throw new Error(`${size} bytes arrived of ${mebibytes << 20}`);
  return mebibytes / (ms / 1000);
}
