import { join } from "node:path";
import { parseAgentState } from "../../src/agent/state_file.ts";
import { generateKey } from "../../src/ssh/keys/generate.ts";
import { eventually, type Outcome, runToEnd } from "./agent_stage.ts";
import { PORTHOLE } from "./porthole.ts";
import { makeTempHome, type TempHome } from "./temp_home.ts";

/** `porthole agent` as a process of its own for others to attack, and the means to see how it takes it. */
export interface HostileStage extends AsyncDisposable {
  readonly home: TempHome;
  readonly port: number;
  readonly pid: number;
  /** The private key that may log in, as a file and as text. */
  readonly keyFile: string;
  readonly privateKey: string;
  /** What the agent wrote to its stderr until now. */
  readonly stderr: () => string;
  /** The memory that it takes now. */
  rssMiB(): number;
  /** How many files it has open, sockets among them. */
  openFiles(): number;
  /** Runs `command` through the system's ssh, which must be quick about it. */
  exec(command: string, options?: { readonly stdin?: string }): Promise<Outcome>;
}

/** Options of {@link startHostileStage}. */
export interface HostileStageOptions {
  /** Further flags of `porthole agent`. */
  readonly flags?: readonly string[];
  /** Files that it may open, if not as many as this process. */
  readonly maxFiles?: number;
}

/** Starts an agent that says on its stderr what happens to clients. Disposing it asserts that it still lived. */
export async function startHostileStage({ flags = [], maxFiles }: HostileStageOptions = {}): Promise<HostileStage> {
  const home = await makeTempHome();
  const { privateKey, publicKey } = await generateKey("ed25519");
  const keyFile = join(home.path, "id_ed25519");
  await Deno.writeTextFile(keyFile, privateKey, { mode: 0o600 });
  await Deno.writeTextFile(`${keyFile}.pub`, `${publicKey}\n`);
  const stateFile = join(home.path, "agent.json");
  const agent = ["agent", "--listen", "127.0.0.1:0", "--authorized-keys", `${keyFile}.pub`, "--state-file", stateFile];
  const argv = [...PORTHOLE, ...agent, ...flags];
  const child = new Deno.Command(maxFiles === undefined ? argv[0] ?? "" : "prlimit", {
    args: maxFiles === undefined ? argv.slice(1) : [`--nofile=${maxFiles}`, ...argv],
    env: home.environment({ PORTHOLE_DEBUG: "1" }),
    clearEnv: true,
    cwd: home.path,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let said = "";
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said += text;
  })();
  let status: Deno.CommandStatus | undefined;
  const ended = child.status.then((it) => status = it);
  const isUp = () => Deno.stat(stateFile).then(() => true, () => status !== undefined);
  await eventually("the agent is up", isUp, { timeoutMs: 30_000 });
  const { port } = parseAgentState(await Deno.readTextFile(stateFile), stateFile);
  const sshOptions = ["ConnectTimeout=15", "BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=no"];
  const files = [`IdentityFile=${keyFile}`, `UserKnownHostsFile=${join(home.path, "known_hosts")}`, "LogLevel=ERROR"];
  const sshArgs = ["-F", "none", "-p", String(port), ...[...sshOptions, ...files].flatMap((each) => ["-o", each])];
  return {
    home,
    port,
    pid: child.pid,
    keyFile,
    privateKey,
    stderr: () => said,
    rssMiB: () => residentMiB(child.pid),
    openFiles: () => [...Deno.readDirSync(`/proc/${child.pid}/fd`)].length,
    exec: (command, options) => runToEnd("ssh", [...sshArgs, "x@127.0.0.1", command], options),
    async [Symbol.asyncDispose]() {
      const hadDied = status !== undefined;
      if (!hadDied) child.kill("SIGTERM");
      await ended;
      await reading;
      await home[Symbol.asyncDispose]();
      if (hadDied) throw new Error(`The agent did not live through it: ${said}`);
    },
  };
}

function residentMiB(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
  if (kib === undefined) throw new Error(`No VmRSS of process ${pid}`);
  return Number(kib) / 1024;
}
