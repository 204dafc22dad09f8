import { AppError } from "../../base/errors.ts";
import type { Environment } from "../../base/home.ts";
import type { LaunchRequest } from "../provider.ts";
import type { RunFiles } from "./run_store.ts";

/** What one agent is started with. */
export interface StartAgentOptions {
  readonly env: Environment;
  readonly self: readonly string[];
  readonly files: RunFiles;
  readonly publicKey: string;
  readonly name: string;
  readonly request: LaunchRequest;
}

/**
 * Starts `porthole agent ... -- COMMAND` in a session of its own, its output in the log file, and resolves to its pid.
 *
 * The shell that stands between only redirects: a process cannot be given a file as its stdout by this runtime. No word
 * of the command is in the shell's text.
 */
export async function startAgent({ env, self, files, publicKey, name, request }: StartAgentOptions): Promise<number> {
  if (Deno.build.os === "windows") {
    throw new AppError("config_invalid", "Cannot run jobs under the local provider on Windows", {
      hint: "Use WSL, or connect to a job on a hosted platform",
    });
  }
  const agent = ["agent", "--listen", "127.0.0.1:0", "--run", name, "--state-file", files.state, ...holdFlags(request)];
  await Deno.writeTextFile(files.log, "", { mode: 0o600 });
  const child = new Deno.Command("/bin/sh", {
    args: [
      "-c",
      'log=$1; shift; exec "$@" >>"$log" 2>&1',
      "sh",
      files.log,
      ...self,
      ...agent,
      "--",
      ...request.command,
    ],
    env: { ...request.env, PORTHOLE_AUTHORIZED_KEYS: publicKey, PORTHOLE_HOME: env.PORTHOLE_HOME ?? "" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  child.unref();
  return child.pid;
}

function holdFlags({ options }: LaunchRequest): string[] {
  const flags: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (!["hold", "hold-for", "idle-timeout", "max-uptime"].includes(name)) {
      throw new AppError("usage", `Cannot use --${name} with the local provider`);
    }
    flags.push(`--${name}`, String(value));
  }
  return flags;
}
