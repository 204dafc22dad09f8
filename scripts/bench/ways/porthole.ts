import { join } from "node:path";
import { parseAgentState } from "../../../src/agent/state_file.ts";
import { shellQuote } from "../../../src/base/shell_quote.ts";
import { OURS } from "../row.ts";
import { startServer } from "../server_process.ts";
import { missingPrograms, type Way, writeReach } from "./way.ts";

/** Ours: `porthole proxy` to `porthole agent`. */
export const portholeWay: Way = {
  name: OURS,
  missing: () => missingPrograms("ssh"),
  async start(ground) {
    const stateFile = join(ground.home.path, "agent.json");
    const keys = ["--authorized-keys", ground.authorizedKeysFile];
    ground.keep(
      await startServer(
        [...ground.porthole.argv, "agent", "--listen", "127.0.0.1:0", "--state-file", stateFile, ...keys],
        { ready: /SSH debug server is ready/, prefix: ground.serverPrefix, env: ground.home.environment() },
      ),
    );
    const { port } = parseAgentState(await Deno.readTextFile(stateFile), stateFile);
    const proxy = [...ground.porthole.argv, "proxy", `ws://127.0.0.1:${port}`];
    return await writeReach(ground, this.name, [`ProxyCommand ${proxy.map(shellQuote).join(" ")}`]);
  },
};
