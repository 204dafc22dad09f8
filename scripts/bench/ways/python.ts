import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { shellQuote } from "../../../src/base/shell_quote.ts";
import { pythonWith } from "../../../tests/support/programs.ts";
import type { Ground } from "../ground.ts";
import { runChecked } from "../run_checked.ts";
import { startServer } from "../server_process.ts";
import { startSshd } from "./sshd.ts";
import { missingPrograms, type Way, writeReach } from "./way.ts";

const PEERS = fileURLToPath(new URL("../peers/", import.meta.url));

/** What people run today: sshd behind a Python `websockets` bridge, and a Python program as the ProxyCommand. */
export const sshdBridgeWay: Way = {
  name: "sshd + websockets",
  missing: () => missingPrograms("ssh", "sshd") ?? missingModule("websockets"),
  async start(ground) {
    return await writeReach(ground, this.name, await bridgeTo(ground, await startSshd(ground, "bridged")));
  },
};

/** A Python SSH server over TCP. */
export const asyncsshWay: Way = {
  name: "asyncssh",
  missing: () => missingPrograms("ssh") ?? missingModule("asyncssh"),
  async start(ground) {
    return await writeReach(ground, this.name, ["HostName 127.0.0.1", `Port ${await startAsyncssh(ground, "direct")}`]);
  },
};

/** A Python SSH server behind the same bridge: what needs no root in the job's image today. */
export const asyncsshBridgeWay: Way = {
  name: "asyncssh + websockets",
  missing: () => missingPrograms("ssh") ?? missingModule("asyncssh") ?? missingModule("websockets"),
  async start(ground) {
    return await writeReach(ground, this.name, await bridgeTo(ground, await startAsyncssh(ground, "bridged")));
  },
};

function missingModule(name: string): string | null {
  return pythonWith(name) ? null : `needs the Python module ${name}`;
}

/** Starts asyncssh's server on a free loopback port. */
async function startAsyncssh(ground: Ground, label: string): Promise<number> {
  const hostKey = join(ground.home.path, `asyncssh-${label}-key`);
  await runChecked(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", hostKey]);
  return await startPeer(ground, "asyncssh", ["asyncssh_server.py", hostKey, ground.authorizedKeysFile]);
}

/** Puts a bridge in front of a port; the lines of ssh_config that lead through it. */
async function bridgeTo(ground: Ground, port: number): Promise<string[]> {
  const bridgePort = await startPeer(ground, "websockets", ["ws_bridge.py", String(port)]);
  const proxy = [pythonWith("websockets") ?? "python3", join(PEERS, "ws_stdio.py"), `ws://127.0.0.1:${bridgePort}`];
  return [`ProxyCommand ${proxy.map(shellQuote).join(" ")}`];
}

async function startPeer(ground: Ground, module: string, [script = "", ...args]: readonly string[]): Promise<number> {
  const python = pythonWith(module) ?? "python3";
  const argv = [python, "-W", "ignore", join(PEERS, script), ...args] as const;
  const server = ground.keep(await startServer(argv, { ready: /listening on (\d+)/, prefix: ground.serverPrefix }));
  return Number(server.ready[1]);
}
