import { join } from "node:path";
import { shellQuote } from "../../src/base/shell_quote.ts";
import { parseAgentState } from "../../src/agent/state_file.ts";
import { makeTempHome, type TempHome } from "./temp_home.ts";

/** `porthole agent` as a process of its own, in a home of its own, and an ssh_config that leads to it. */
export interface RunningAgent extends AsyncDisposable {
  readonly home: TempHome;
  readonly port: number;
  /** For `ssh -F`, `sftp -F`, `scp -F`: has one host, {@link AGENT_ALIAS}, reached through `porthole proxy`. */
  readonly configFile: string;
  /** Runs a program in that home, `input` on its stdin. */
  run(argv: readonly [string, ...string[]], input?: Uint8Array): Promise<RunOutcome>;
}

/** How a program ended and what it said. */
export interface RunOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The host in {@link RunningAgent.configFile}. */
export const AGENT_ALIAS = "pod";

/** Starts `porthole agent` with the program `porthole` and waits until it is ready. Disposing it ends it with SIGTERM. */
export async function startAgent(porthole: readonly [string, ...string[]]): Promise<RunningAgent> {
  const stack = new AsyncDisposableStack();
  try {
    const home = stack.use(await makeTempHome());
    const run = (argv: readonly [string, ...string[]], input?: Uint8Array) => runIn(home, argv, input);
    const key = join(home.path, "id_ed25519");
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
    const port = await startProcess(stack, { porthole, home, authorizedKeys: `${key}.pub` });
    const configFile = join(home.path, "config");
    const proxy = [...porthole, "proxy", `ws://127.0.0.1:${port}`].map(shellQuote).join(" ");
    await Deno.writeTextFile(
      configFile,
      `Host ${AGENT_ALIAS}
  User ${(await run(["id", "-un"])).stdout.trim()}
  IdentityFile ${key}
  IdentitiesOnly yes
  UserKnownHostsFile ${join(home.path, "known_hosts")}
  StrictHostKeyChecking accept-new
  LogLevel ERROR
  ProxyCommand ${proxy}
`,
    );
    return { home, port, configFile, run, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function startProcess(
  stack: AsyncDisposableStack,
  { porthole: [program, ...args], home, authorizedKeys }: {
    porthole: readonly [string, ...string[]];
    home: TempHome;
    authorizedKeys: string;
  },
): Promise<number> {
  const stateFile = join(home.path, "agent.json");
  const flags = ["--listen", "127.0.0.1:0", "--authorized-keys", authorizedKeys, "--state-file", stateFile];
  const child = new Deno.Command(program, {
    args: [...args, "agent", ...flags],
    env: home.environment(),
    clearEnv: true,
    cwd: home.path,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const ready = Promise.withResolvers<void>();
  const reading = (async () => {
    let said = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      said += text;
      if (/^SSH debug server is ready/m.test(said)) ready.resolve();
    }
    ready.reject(new Error(`porthole agent ended before it was ready: ${said.trim()}`));
  })();
  stack.defer(async () => {
    ready.promise.catch(() => {/* whoever waited for it has been told */});
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    await child.status;
    await reading;
  });
  await ready.promise;
  return parseAgentState(await Deno.readTextFile(stateFile), stateFile).port;
}

async function runIn(
  home: TempHome,
  [program, ...args]: readonly [string, ...string[]],
  input?: Uint8Array,
): Promise<RunOutcome> {
  const child = new Deno.Command(program, {
    args,
    env: home.environment(),
    clearEnv: true,
    cwd: home.path,
    stdin: input ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), input ? feed(child.stdin, input) : undefined]);
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

async function feed(stdin: WritableStream<Uint8Array>, input: Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(input);
    await writer.close();
  } catch {
    // It ended without reading all: its outcome tells why.
  }
}
