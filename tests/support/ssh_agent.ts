import { join } from "node:path";
import { run } from "./sshd.ts";

/** A real ssh-agent for one test. */
export interface TestAgent extends AsyncDisposable {
  readonly socket: string;
  add(keyPath: string): Promise<void>;
}

/** Starts ssh-agent with a socket in `folder`, and waits until it listens. */
export async function startAgent(folder: string): Promise<TestAgent> {
  const socket = join(await Deno.makeTempDir({ dir: folder }), "agent");
  const agent = new Deno.Command("ssh-agent", { args: ["-D", "-a", socket], stdout: "piped", stderr: "null" }).spawn();
  const reader = agent.stdout.getReader();
  await reader.read();
  return {
    socket,
    async add(keyPath) {
      await run("env", [`SSH_AUTH_SOCK=${socket}`, "ssh-add", "-q", keyPath]);
    },
    async [Symbol.asyncDispose]() {
      agent.kill("SIGTERM");
      await agent.status;
      await reader.cancel();
    },
  };
}
