import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Ground } from "../ground.ts";
import { type Contestant, OURS, type Row, type Target } from "../row.ts";
import { timeProgram } from "../run_checked.ts";
import { startServer } from "../server_process.ts";
import { startSshd } from "../ways/sshd.ts";
import { ALIAS, missingPrograms, type Reach, writeReach } from "../ways/way.ts";

const ROUND_TRIP_MS = 50;
/** At 50 ms OpenSSH's window lets 40 MB/s through: a quarter of the payload is long enough. */
const FAR_SHARE = 4;

const ON_LOOPBACK: readonly Target[] = [
  { against: "scp", text: ">= 0.70", isMet: ({ ratio }) => ratio >= 0.7 },
];
const FAR: readonly Target[] = [
  { against: "scp", text: "> 1.00", isMet: ({ ratio }) => ratio > 1 },
];

/** One file to sshd, whole programs, connecting and all. */
export const uploadRow = transferRow("upload", { title: "porthole upload to sshd", isFar: false });
/** One file from sshd. */
export const downloadRow = transferRow("download", { title: "porthole download from sshd", isFar: false });
/** The same over a line of 50 ms. */
export const farUploadRow = transferRow("upload", { title: "porthole upload to sshd, 50 ms away", isFar: true });
/** The same over a line of 50 ms. */
export const farDownloadRow = transferRow("download", {
  title: "porthole download from sshd, 50 ms away",
  isFar: true,
});

type Verb = "upload" | "download";

function transferRow(verb: Verb, { title, isFar }: { title: string; isFar: boolean }): Row {
  return {
    name: isFar ? `${verb}-far` : verb,
    title,
    unit: "MiB/s",
    better: "more",
    targets: isFar ? FAR : ON_LOOPBACK,
    async contestants(ground) {
      const reach = await ground.shared(`transfer ${isFar}`, () => isFar ? reachFar(ground) : reachNear(ground));
      if (!reach) return [];
      const mebibytes = isFar ? Math.ceil(ground.payloadMiB / FAR_SHARE) : ground.payloadMiB;
      return await contestants(ground, { verb, reach, mebibytes });
    },
  };
}

async function reachNear(ground: Ground): Promise<Reach | null> {
  const port = await startOwnSshd(ground);
  return port === null ? null : await reachPort(ground, "near", port);
}

async function reachFar(ground: Ground): Promise<Reach | null> {
  const port = await startOwnSshd(ground);
  if (port === null) return null;
  const proxy = fileURLToPath(new URL("../peers/delay_proxy.ts", import.meta.url));
  const argv = [proxy, `${port}`, `${ROUND_TRIP_MS}`];
  const { ready } = ground.keep(
    await startServer([Deno.execPath(), "run", "--no-prompt", "-A", ...argv], { ready: /listening on (\d+)/ }),
  );
  return await reachPort(ground, "far", Number(ready[1]));
}

function startOwnSshd(ground: Ground): Promise<number | null> {
  return ground.shared("transfer sshd", async () => {
    const missing = missingPrograms("sshd", "ssh", "scp", "sftp");
    if (missing === null) return await startSshd(ground, "transfer");
    ground.skip(`transfers to sshd: ${missing}`);
    return null;
  });
}

/** The host key is filed by a first `ssh`: porthole takes none on faith. */
async function reachPort(ground: Ground, name: string, port: number): Promise<Reach> {
  const reach = await writeReach(ground, `transfer-${name}`, ["HostName 127.0.0.1", `Port ${port}`]);
  await timeProgram(["ssh", "-F", reach.configFile, ALIAS, "true"]);
  return reach;
}

interface TransferPlan {
  readonly verb: Verb;
  readonly reach: Reach;
  readonly mebibytes: number;
}

async function contestants(ground: Ground, { verb, reach, mebibytes }: TransferPlan): Promise<Contestant[]> {
  const { configFile } = reach;
  const source = await ground.payload(mebibytes);
  const arrived = join(ground.folder, "arrived");
  const batch = join(ground.folder, `batch-${verb}-${reach.name}`);
  await Deno.writeTextFile(batch, `${verb === "upload" ? "put" : "get"} ${source} ${arrived}\n`);
  const remote = (path: string) => `${ALIAS}:${path}`;
  const words = verb === "upload" ? [source, remote(arrived)] : [remote(source), arrived];
  const ways: ReadonlyArray<{ name: string; argv: readonly [string, ...string[]] }> = [
    { name: OURS, argv: [...ground.porthole.argv, verb, ALIAS, source, arrived, "-F", configFile] },
    { name: "scp", argv: ["scp", "-q", "-F", configFile, ...words] },
    { name: "sftp", argv: ["sftp", "-q", "-F", configFile, "-b", batch, ALIAS] },
  ];
  const env = ground.home.environment();
  return ways.map(({ name, argv }) => ({
    name,
    async measure(signal) {
      const ms = await timeProgram(argv, { env, signal });
      const { size } = await Deno.stat(arrived);
      await Deno.remove(arrived);
      if (size !== mebibytes << 20) throw new Error(`${size} bytes arrived of ${mebibytes << 20}`);
      return mebibytes / (ms / 1000);
    },
  }));
}
