import { join } from "node:path";
import { programPath } from "../../../tests/support/programs.ts";
import type { Ground } from "../ground.ts";
import { runChecked } from "../run_checked.ts";
import { freePort, startServer } from "../server_process.ts";
import { missingPrograms, type Way, writeReach } from "./way.ts";

/** The system's sshd over TCP with nothing in between: the limit. */
export const sshdWay: Way = {
  name: "sshd",
  missing: () => missingPrograms("ssh", "sshd"),
  start: async (ground) =>
    await writeReach(ground, "sshd", ["HostName 127.0.0.1", `Port ${await startSshd(ground, "direct")}`]),
};

/** Starts an sshd on a free loopback port; resolves to the port once it listens. `label` tells its files apart. */
export async function startSshd(ground: Ground, label: string): Promise<number> {
  const port = freePort();
  const hostKey = join(ground.home.path, `sshd-${label}-key`);
  const config = join(ground.home.path, `sshd-${label}-config`);
  await runChecked(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", hostKey]);
  await Deno.writeTextFile(
    config,
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${hostKey}
AuthorizedKeysFile ${ground.authorizedKeysFile}
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
UseDNS no
PidFile none
MaxStartups 200
Subsystem sftp internal-sftp
`,
  );
  await makePrivilegeFolder();
  const sshd = programPath("sshd") ?? "sshd";
  ground.keep(
    await startServer([sshd, "-D", "-e", "-f", config], { ready: /Server listening on/, prefix: ground.serverPrefix }),
  );
  return port;
}

/** Debian's sshd wants this folder; an init system makes it, a container has none. */
async function makePrivilegeFolder(): Promise<void> {
  if (Deno.uid() !== 0) return;
  await Deno.mkdir("/run/sshd", { recursive: true });
}
