import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Ground } from "./ground.ts";
import { runChecked } from "./run_checked.ts";
import { freePort, startServer } from "./server_process.ts";

/** What every host prints to every command. */
export const ANSWER = "the answer";
const HOSTS = 300;
/** Of the hosts with faults, so many have each. */
const FAULTY_OF_A_KIND = 10;
const KINDS = ["hanging", "refusing", "changed"] as const;
const CONNECT_TIMEOUT_S = 5;

/** Three hundred SSH hosts on loopback addresses, in one process, and how the system's ssh gets there. */
export interface ManyHosts {
  readonly names: readonly string[];
  /** Those that answer. */
  readonly healthyCount: number;
  /** How many have each fault. */
  readonly faultyOfAKind: number;
  readonly configFile: string;
}

/** Starts the hosts; with `hasFaults` ten hang, ten refuse, and ten show another key than known_hosts has. */
export async function startManyHosts(ground: Ground, { hasFaults }: { hasFaults: boolean }): Promise<ManyHosts> {
  const folder = await Deno.makeTempDir({ dir: ground.home.path, prefix: "hosts-" });
  const port = freePort();
  const names = Array.from({ length: HOSTS }, (_, at) => `127.0.${2 + Math.floor(at / 250)}.${1 + at % 250}`);
  const kindOf = (at: number) => hasFaults && at % 10 === 5 ? KINDS[Math.floor(at / 10) % KINDS.length] : undefined;
  const listening = names.flatMap((name, at) => {
    const kind = kindOf(at);
    return kind === "refusing" ? [] : [kind === undefined ? name : `${name}/${kind}`];
  });
  const [hostKey, changedKey] = [join(folder, "host_key"), join(folder, "changed_key")];
  for (const path of [hostKey, changedKey]) {
    await runChecked(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path]);
  }
  const server = fileURLToPath(new URL("peers/many_hosts.ts", import.meta.url));
  const argv = [server, `${port}`, ground.authorizedKeysFile, hostKey, changedKey, ...listening];
  ground.keep(
    await startServer([Deno.execPath(), "run", "--no-prompt", "-A", ...argv], { ready: /ready/, timeoutMs: 60_000 }),
  );
  const configFile = await writeConfig(ground, { folder, port, names, hostKeyFile: `${hostKey}.pub` });
  const faulty = hasFaults ? KINDS.length * FAULTY_OF_A_KIND : 0;
  return { names, healthyCount: names.length - faulty, faultyOfAKind: FAULTY_OF_A_KIND, configFile };
}

async function writeConfig(
  { user, identityFile }: Ground,
  { folder, port, names, hostKeyFile }: {
    folder: string;
    port: number;
    names: readonly string[];
    hostKeyFile: string;
  },
): Promise<string> {
  const key = (await Deno.readTextFile(hostKeyFile)).trim();
  const [knownHosts, configFile] = [join(folder, "known_hosts"), join(folder, "config")];
  await Deno.writeTextFile(knownHosts, names.map((name) => `[${name}]:${port} ${key}\n`).join(""));
  const lines = [
    "Host 127.0.*",
    `Port ${port}`,
    `User ${user}`,
    `IdentityFile ${identityFile}`,
    "IdentitiesOnly yes",
    `UserKnownHostsFile ${knownHosts}`,
    "GlobalKnownHostsFile /dev/null",
    "StrictHostKeyChecking yes",
    "BatchMode yes",
    `ConnectTimeout ${CONNECT_TIMEOUT_S}`,
    "LogLevel ERROR",
  ];
  await Deno.writeTextFile(configFile, `${lines.join("\n  ")}\n`);
  return configFile;
}
