import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { shellQuote } from "../../src/base/shell_quote.ts";
import { type AgentStage, type AgentStageOptions, makeAgentStage } from "./agent_stage.ts";
import { type ConnectionPlan, FaultProxy } from "./fault_proxy.ts";
import { makeTempHome } from "./temp_home.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** An agent in this process, a proxy that misbehaves in front of it, and `ssh` through `porthole proxy` over that. */
export interface ResumeStage extends AsyncDisposable {
  readonly stage: AgentStage;
  readonly faults: FaultProxy;
  /** Starts ssh with `command`; `proxyFlags` are those of `porthole proxy`, a number in place of `port` another way in. */
  ssh(command: string, options?: { readonly proxyFlags?: readonly string[]; readonly port?: number }): SshChild;
}

/** A running ssh whose stdin is written by the test. */
export interface SshChild extends AsyncDisposable {
  readonly child: Deno.ChildProcess;
  /** The pid of its `porthole proxy`. */
  proxyPid(): number;
  write(bytes: Uint8Array | string): Promise<void>;
  /** Closes stdin. */
  end(): Promise<void>;
  /** Reads stdout until `count` bytes are there. */
  readBytes(count: number): Promise<Uint8Array>;
  /** Reads stdout until it ends in `text`. */
  readUntil(text: string): Promise<string>;
  status(): Promise<{ readonly code: number; readonly stderr: string }>;
}

/** Options of {@link makeResumeStage}. */
export interface ResumeStageOptions extends AgentStageOptions {
  readonly plan?: (index: number) => ConnectionPlan;
}

/** Starts agent and proxy on free loopback ports. */
export async function makeResumeStage({ plan, ...options }: ResumeStageOptions = {}): Promise<ResumeStage> {
  const stack = new AsyncDisposableStack();
  const home = stack.use(await makeTempHome());
  const stage = stack.use(await makeAgentStage(options));
  const faults = stack.use(
    new FaultProxy({ target: { hostname: "127.0.0.1", port: stage.port }, ...(plan ? { plan } : {}) }),
  );
  const known = join(home.path, "known_hosts");
  await Deno.writeTextFile(known, `pod ${stage.hostKey.publicKey}\n`);
  return {
    stage,
    faults,
    ssh(command, { proxyFlags = [], port = faults.port } = {}) {
      const words = [Deno.execPath(), "run", "--quiet", "--no-prompt", "-A", MAIN, "proxy", ...proxyFlags];
      const settings = [
        `ProxyCommand=${[...words, `ws://127.0.0.1:${port}`].map(shellQuote).join(" ")}`,
        `IdentityFile=${stage.keyFile}`,
        "IdentitiesOnly=yes",
        "BatchMode=yes",
        "LogLevel=ERROR",
        `UserKnownHostsFile=${known}`,
        "HostKeyAlias=pod",
      ];
      return new RunningSsh(
        new Deno.Command("ssh", {
          args: ["-F", "none", ...settings.flatMap((setting) => ["-o", setting]), "pod", command],
          clearEnv: true,
          env: home.environment(),
          stdin: "piped",
          stdout: "piped",
          stderr: "piped",
        }).spawn(),
      );
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

class RunningSsh implements SshChild {
  readonly child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stdout: ReadableStreamDefaultReader<Uint8Array>;
  readonly #stderr: Promise<string>;
  #rest = new Uint8Array(0);

  constructor(child: Deno.ChildProcess) {
    this.child = child;
    this.#stdin = child.stdin.getWriter();
    this.#stdout = child.stdout.getReader();
    this.#stderr = new Response(child.stderr).text();
  }

  proxyPid(): number {
    const { pid } = this.child;
    const [first] = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).split(" ");
    return Number(first);
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    await this.#stdin.write(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
  }

  async end(): Promise<void> {
    await this.#stdin.close();
  }

  async readBytes(count: number): Promise<Uint8Array> {
    while (this.#rest.length < count && await this.#more());
    const bytes = this.#rest.slice(0, count);
    this.#rest = this.#rest.slice(count);
    return bytes;
  }

  async readUntil(text: string): Promise<string> {
    const said = () => new TextDecoder().decode(this.#rest);
    while (!said().endsWith(text)) {
      if (!await this.#more()) throw new Error(`ssh said ${JSON.stringify(said())} and ended: ${await this.#stderr}`);
    }
    const all = said();
    this.#rest = new Uint8Array(0);
    return all;
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#stdout.read();
    if (done) return false;
    const joined = new Uint8Array(this.#rest.length + value.length);
    joined.set(this.#rest);
    joined.set(value, this.#rest.length);
    this.#rest = joined;
    return true;
  }

  async status(): Promise<{ code: number; stderr: string }> {
    while (await this.#more());
    const { code } = await this.child.status;
    return { code, stderr: await this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch {
      // It has ended, as it should have.
    }
    await this.#stdin.abort().catch(() => {/* closed by the test */});
    await this.#stdout.cancel();
    await this.#stderr;
    await this.child.status;
  }
}
