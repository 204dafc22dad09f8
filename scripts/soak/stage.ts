import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { shellQuote } from "../../src/base/shell_quote.ts";

/** A real agent process and what `ssh` needs to reach it through a port in between. */
export interface SoakStage extends AsyncDisposable {
  readonly agentPort: number;
  readonly agentPid: number;
  /** Starts `ssh` with a command in the agent's job, dialling through `port`. */
  ssh(command: string, options: { readonly port: number; readonly proxyFlags?: readonly string[] }): Deno.ChildProcess;
}

/** The words that run this program: from the source, or what `PORTHOLE` names. */
export function portholeWords(): readonly [string, ...string[]] {
  const compiled = Deno.env.get("PORTHOLE");
  if (compiled) return [compiled];
  const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-all", main];
}

/** Starts the agent in a temporary home, which disposing removes. */
export async function makeSoakStage(agentFlags: readonly string[] = []): Promise<SoakStage> {
  const [program, ...words] = portholeWords();
  const home = await Deno.makeTempDir({ prefix: "ph-soak-" });
  const key = join(home, "id_ed25519");
  await new Deno.Command("ssh-keygen", { args: ["-q", "-t", "ed25519", "-N", "", "-f", key] }).output();
  const stateFile = join(home, "agent.json");
  const env = { HOME: home, PORTHOLE_HOME: join(home, ".porthole"), ...keepCache() };
  const agent = new Deno.Command(program, {
    args: [
      ...words,
      "agent",
      "--listen",
      "127.0.0.1:0",
      "--authorized-keys",
      `${key}.pub`,
      "--state-file",
      stateFile,
      ...agentFlags,
    ],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = agent.stdout.getReader();
  await reader.read();
  const { port } = JSON.parse(await Deno.readTextFile(stateFile)) as { port: number };
  return {
    agentPort: port,
    agentPid: agent.pid,
    ssh(command, { port, proxyFlags = [] }) {
      const proxy = [program, ...words, "proxy", ...proxyFlags, `ws://127.0.0.1:${port}`].map(shellQuote).join(" ");
      const options = {
        ProxyCommand: proxy,
        IdentityFile: key,
        IdentitiesOnly: "yes",
        UserKnownHostsFile: join(home, "known_hosts"),
        StrictHostKeyChecking: "accept-new",
        LogLevel: "ERROR",
        ServerAliveInterval: "20",
        ServerAliveCountMax: "48",
      };
      const args = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
      return new Deno.Command("ssh", {
        args: ["-F", "none", ...args, "soak", command],
        env,
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    },
    async [Symbol.asyncDispose]() {
      try {
        agent.kill("SIGTERM");
      } catch {
        // It has ended by itself: its status is not asked for here.
      }
      await reader.cancel();
      await agent.status;
      await Deno.remove(home, { recursive: true });
    },
  };
}

/** A program run from the source needs the cache that this process uses, whatever its HOME. */
function keepCache(): Record<string, string> {
  const folder = Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "", ".cache", "deno");
  return { DENO_DIR: folder, DENO_NO_UPDATE_CHECK: "1" };
}
