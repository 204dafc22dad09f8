import { join } from "node:path";
import type { Ground } from "./ground.ts";
import type { ManyHosts } from "./many_hosts.ts";
import { OURS } from "./row.ts";
import { missingPrograms } from "./ways/way.ts";

/** So many hosts at once, for all of them. */
const AT_ONCE = "32";
/** Any word: the hosts answer the same to everything. */
const COMMAND = "ask";

/** One that runs a command on many hosts. */
export interface FleetTool {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
}

/** Who can take part on this machine, ours first; all with the same ssh_config, 32 hosts at once, no connection kept. */
export async function fleetTools(
  ground: Ground,
  { names, configFile }: ManyHosts,
  { hasFaults }: { readonly hasFaults: boolean },
): Promise<FleetTool[]> {
  const list = names.join(",");
  const [porthole, ...start] = ground.porthole.argv;
  const hostsFile = `${configFile}.hosts`;
  const clushFile = `${configFile}.clush`;
  await Deno.writeTextFile(hostsFile, `${names.join("\n")}\n`);
  await Deno.writeTextFile(clushFile, `[Main]\nssh_options: -F ${configFile}\n`);
  const ssh = ["ssh", "-F", configFile, "{}", COMMAND];
  const all: FleetTool[] = [
    {
      name: OURS,
      argv: [
        porthole,
        ...start,
        "exec",
        list,
        "-F",
        configFile,
        "--parallel",
        AT_ONCE,
        ...(hasFaults ? ["--json"] : []),
        "--",
        COMMAND,
      ],
      env: ground.home.environment(),
    },
    {
      name: "xargs -P ssh",
      argv: [
        ...["xargs", "-a", hostsFile, "-P", AT_ONCE, "-I{}"] as const,
        // xargs gives up at the first status 255, which is ssh's for every host that it cannot reach.
        ...(hasFaults ? ["sh", "-c", '"$@" || true', "sh", ...ssh] : ssh),
      ],
    },
    { name: "clush", argv: ["clush", `--conf=${clushFile}`, "-f", AT_ONCE, "-w", list, COMMAND] },
    {
      name: "pssh",
      argv: ["parallel-ssh", "-i", "-t", "0", "-p", AT_ONCE, "-h", hostsFile, "-x", `-F ${configFile}`, COMMAND],
    },
    {
      name: "ansible",
      argv: ["ansible", "all", "-i", `${list},`, "-f", AT_ONCE, "-m", "raw", "-a", COMMAND],
      env: {
        HOME: join(ground.home.path),
        // Its own default keeps a process a host behind, which nobody would have counted.
        ANSIBLE_SSH_ARGS: `-F ${configFile} -o ControlMaster=no`,
      },
    },
  ];
  return all.filter(({ name, argv: [program] }) => {
    const missing = name === OURS ? null : missingPrograms(program);
    if (missing !== null) ground.skip(`${name}: ${missing}`);
    return missing === null;
  });
}
