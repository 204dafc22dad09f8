/**
 * The main job, for real: a small job under the local provider, reached with the system's ssh and sftp through
 * `porthole proxy`, step by step with timings. Everything it makes is in a temporary home, which it removes.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SELF = porthole();
const JOB = ["sh", "-c", 'echo "step 1 of 3: loading"; n=0; while [ $n -lt 600 ]; do n=$((n+1)); sleep 1; done'];
const ALIAS = "demo";

/** `PORTHOLE=dist/porthole deno task demo` runs the compiled program instead of the source. */
function porthole(): string[] {
  const compiled = Deno.env.get("PORTHOLE");
  if (compiled) return [compiled];
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-all", main];
}

interface Step {
  readonly title: string;
  readonly argv: readonly string[];
  /** Text that stdout must have for the step to count. */
  readonly expected?: string;
}

interface Stage {
  readonly env: Record<string, string>;
  /** Ends the step that is running; without it nothing does. */
  readonly signal?: AbortSignal;
}

async function runDemo(home: string, signal: AbortSignal): Promise<void> {
  const env = { HOME: home, PORTHOLE_HOME: join(home, ".porthole") };
  const config = join(home, ".ssh", "config");
  const inFile = join(home, "weights.bin");
  const outFile = join(home, "weights.back");
  const batch = join(home, "batch");
  await Deno.writeFile(inFile, crypto.getRandomValues(new Uint8Array(60_000)));
  await Deno.writeTextFile(batch, `put ${inFile} ${home}/in-the-job.bin\nget ${home}/in-the-job.bin ${outFile}\n`);
  const steps: Step[] = [
    { title: "start a job", argv: [...SELF, "launch", "--name", ALIAS, "--detach", "--", ...JOB], expected: ALIAS },
    {
      title: "wait for it, make it a host",
      argv: [...SELF, "connect", ALIAS, "--write-config"],
      expected: `Host ${ALIAS}`,
    },
    {
      title: "run a command with ssh",
      argv: ["ssh", "-F", config, ALIAS, "echo hello from $$; uname -s"],
      expected: "hello from",
    },
    { title: "once more, multiplexed", argv: ["ssh", "-F", config, ALIAS, "exit 0"] },
    { title: "copy a file in and out with sftp", argv: ["sftp", "-q", "-F", config, "-b", batch, ALIAS] },
    { title: "read the job's log", argv: [...SELF, "logs", ALIAS], expected: "step 1 of 3" },
  ];
  try {
    for (const step of steps) await runStep(step, { env, signal });
    await compare(inFile, outFile);
  } finally {
    // The shared connection ends with the job: nothing else has to be ended.
    await runStep({ title: "stop the job", argv: [...SELF, "stop", ALIAS] }, { env });
  }
}

async function runStep(
  { title, argv: [program = "", ...args], expected = "" }: Step,
  { env, signal }: Stage,
): Promise<void> {
  signal?.throwIfAborted();
  const startedAt = performance.now();
  const { code, stdout, stderr } = await runProgram(program, { args, env, ...(signal ? { signal } : {}) });
  signal?.throwIfAborted();
  const tookMs = Math.round(performance.now() - startedAt);
  const text = new TextDecoder().decode(stdout);
  const isGood = code === 0 && text.includes(expected);
  print(`${isGood ? "ok  " : "FAIL"} ${String(tookMs).padStart(6)} ms  ${title}`);
  if (isGood) return print(text.trim().replace(/^/gm, "                | "));
  print(text + new TextDecoder().decode(stderr));
  throw new Error(`the step "${title}" ended with exit status ${code}`);
}

async function runProgram(program: string, options: Deno.CommandOptions): Promise<Deno.CommandOutput> {
  try {
    return await new Deno.Command(program, options).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`Cannot find the program ${program}: install OpenSSH's client`);
  }
}

async function compare(left: string, right: string): Promise<void> {
  const [a, b] = await Promise.all([Deno.readFile(left), Deno.readFile(right)]);
  if (a.toBase64() !== b.toBase64()) throw new Error("the file came back changed");
  print("ok             the file came back as it went in");
}

function print(line: string): void {
  if (line) Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Ctrl-C and its kin stop the job, which would go on else. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  const stop = () => stopping.abort(new Error("stopped"));
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  return stopping.signal;
}

const home = await Deno.makeTempDir({ prefix: "ph-" });
try {
  await runDemo(home, stopSignal());
  print("The whole job worked. To keep one: porthole launch --name my-run -- python train.py");
} catch (error) {
  print(`The demo failed: ${error instanceof Error ? error.message : error}`);
  Deno.exitCode = 1;
} finally {
  await Deno.remove(home, { recursive: true });
}
