import type { Environment } from "../base/home.ts";
import { runCli } from "./run_cli.ts";

/** What `main.ts` knows of the process. */
export interface RunProcessOptions {
  readonly env: Environment;
  /** The path of main.ts, when this is not the compiled program. */
  readonly mainModule: string | undefined;
}

const CANCELLED = 130;
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];

/** Runs the command line of this process and resolves to its exit status. The first signal cancels, the second leaves. */
export async function runProcess(args: readonly string[], { env, mainModule }: RunProcessOptions): Promise<number> {
  const controller = new AbortController();
  let areTaken = false;
  const onSignal = () => {
    if (areTaken) return;
    if (controller.signal.aborted) {
      // The shell's prompt must not stand behind a live line.
      if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode("\n"));
      Deno.exit(CANCELLED);
    }
    controller.abort();
  };
  for (const name of SIGNALS) Deno.addSignalListener(name, onSignal);
  try {
    return await runCli(args, {
      env,
      signal: controller.signal,
      takeSignals: () => areTaken = true,
      streams: { stdout: Deno.stdout, stderr: Deno.stderr, columns, noColor: Deno.noColor },
      stdinIsTerminal: Deno.stdin.isTerminal(),
      self: ownWords(mainModule),
    });
  } finally {
    for (const name of SIGNALS) Deno.removeSignalListener(name, onSignal);
  }
}

function columns(): number | undefined {
  try {
    return Deno.consoleSize().columns;
  } catch {
    // No terminal on any of the three streams.
    return undefined;
  }
}

/** The words that run this same program again, from another folder too. */
function ownWords(mainModule: string | undefined): readonly string[] {
  if (Deno.build.standalone || mainModule === undefined) return [Deno.execPath()];
  const config = mainModule.replace(/main\.ts$/, "deno.json");
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-all", `--config=${config}`, mainModule];
}
