import { join } from "node:path";
import { type Account, currentAccount } from "../../src/agent/account.ts";
import { type AgentOptions, type RunningAgent, startAgent } from "../../src/agent/agent.ts";
import { parseAuthorizedKeys } from "../../src/agent/authorized_keys.ts";
import { type HostKey, loadHostKey } from "../../src/agent/host_key.ts";
import { generateKey } from "../../src/ssh/keys/generate.ts";

/** How a program ended, and what it printed. */
export interface Outcome {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An agent in this process, and what a client needs to reach it. Everything lies in one temporary folder. */
export interface AgentStage extends AsyncDisposable {
  readonly agent: RunningAgent;
  readonly port: number;
  readonly folder: string;
  readonly hostKey: HostKey;
  /** The private ed25519 key of a client that may log in. */
  readonly keyFile: string;
  readonly publicKey: string;
  /** What went wrong with clients. */
  readonly notices: string[];
  /** `ssh` options that reach the agent, up to the host's name. */
  readonly sshArgs: readonly string[];
  /** Runs the system's ssh to its end. */
  ssh(args: readonly string[], options?: { stdin?: string | Uint8Array }): Promise<Outcome>;
}

/** Options of {@link makeAgentStage}. */
export interface AgentStageOptions extends Partial<Omit<AgentOptions, "account" | "keys">> {
  readonly account?: Partial<Account>;
  /** In front of the ed25519 key's line: options of authorized_keys. */
  readonly keyOptions?: string;
  /** Further lines of authorized_keys. */
  readonly moreKeys?: readonly string[];
}

/** Starts an agent on a free loopback port. */
export async function makeAgentStage(
  { account, keyOptions, moreKeys = [], ...options }: AgentStageOptions = {},
): Promise<AgentStage> {
  const folder = await Deno.makeTempDir({ prefix: "porthole-test-" });
  const { privateKey, publicKey } = await generateKey("ed25519");
  const keyFile = join(folder, "id_ed25519");
  await Deno.writeTextFile(keyFile, privateKey, { mode: 0o600 });
  const lines = [keyOptions === undefined ? publicKey : `${keyOptions} ${publicKey}`, ...moreKeys];
  const env = { PATH: Deno.env.get("PATH") ?? "", HOME: folder, ...options.env };
  const notices: string[] = [];
  const hostKey = await loadHostKey(undefined);
  const agent = startAgent({
    listen: { hostname: "127.0.0.1", port: 0 },
    hostKey,
    cwd: folder,
    onNotice: (line) => notices.push(line),
    ...options,
    env,
    keys: parseAuthorizedKeys(lines.join("\n"), "the test").keys,
    account: { ...currentAccount(env), home: folder, ...account },
  });
  const { port } = agent.address;
  const known = join(folder, "known_hosts");
  await Deno.writeTextFile(known, `[127.0.0.1]:${port} ${hostKey.publicKey}\n`);
  const common = ["-F", "none", "-p", String(port), "-o", "IdentitiesOnly=yes", "-o", `UserKnownHostsFile=${known}`];
  const quiet = ["-o", "GlobalKnownHostsFile=none", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"];
  const sshArgs = [...common, ...quiet, "-o", `IdentityFile=${keyFile}`];
  return {
    agent,
    port,
    folder,
    hostKey,
    keyFile,
    publicKey,
    notices,
    sshArgs,
    ssh: (args, { stdin = "" } = {}) => runToEnd("ssh", [...sshArgs, ...args], { stdin }),
    async [Symbol.asyncDispose]() {
      await agent.close("the test is over");
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Runs `program` to its end; it is killed after a minute. */
export async function runToEnd(
  program: string,
  args: readonly string[],
  { stdin = "", env = {}, cwd, clearEnv = false }: {
    stdin?: string | Uint8Array;
    env?: Record<string, string>;
    cwd?: string;
    clearEnv?: boolean;
  } = {},
): Promise<Outcome> {
  const child = new Deno.Command(program, {
    args: [...args],
    env,
    clearEnv,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    ...(cwd === undefined ? {} : { cwd }),
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const feed = feedStdin(child.stdin, typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin);
  const { code, signal, stdout, stderr } = await child.output();
  clearTimeout(timer);
  await feed;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, signal, stdout: text(stdout), stderr: text(stderr) };
}

async function feedStdin(to: WritableStream<Uint8Array>, bytes: Uint8Array): Promise<void> {
  const writer = to.getWriter();
  try {
    if (bytes.length > 0) await writer.write(bytes);
    await writer.close();
  } catch {
    // The program did not want all of it.
  }
}

/** Asks `isTrue` again and again until it holds. @throws Error after `timeoutMs`. */
export async function eventually(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  { timeoutMs = 30_000 }: { timeoutMs?: number } = {},
): Promise<void> {
  const ends = performance.now() + timeoutMs;
  while (!await isTrue()) {
    if (performance.now() > ends) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** True while a process with this number lives (a zombie does not). */
export function isAlive(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}
