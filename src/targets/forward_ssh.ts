import { join } from "node:path";
import { AppError } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";
import { explainSshEnd } from "./forward_ssh_end.ts";
import { LOCAL_ADDRESS, type Tunnel } from "./forward_ports.ts";

/** How long ssh may take to leave when it is asked to; then it is made to. */
const KILL_AFTER_MS = 2_000;
const KEPT_LINES = 20;
const MAX_LINE_CHARS = 500;
/** What ssh says, with LogLevel DEBUG1, behind the log-in and its local ports (ssh.c, clientloop.c). */
const LISTENING = "debug1: Entering interactive session";

/** Options of {@link startForwardSsh}. */
export interface ForwardSshOptions {
  readonly alias: string;
  /** The whole ssh_config that ssh reads: the target's block. */
  readonly config: string;
  readonly tunnels: readonly Tunnel[];
  /** The program; `ssh` on PATH unless told otherwise. */
  readonly program?: string;
}

/** A running ssh that holds tunnels open. Disposing it ends it and waits until it has. */
export interface ForwardSsh extends AsyncDisposable {
  readonly pid: number;
  /** Resolves once ssh has logged in and listens on all local ports; never, if it does not come to that. */
  readonly listening: Promise<void>;
  /** Resolves when ssh has ended, to why. Never rejects. */
  readonly ended: Promise<AppError>;
  /** What ssh said last, on one line; empty if nothing. */
  lastWords(): string;
}

/**
 * Starts the system's `ssh -N` with one `-L` per tunnel and nothing but the target's block as its configuration.
 *
 * @throws AppError `config_invalid` when there is no ssh.
 */
export async function startForwardSsh(options: ForwardSshOptions): Promise<ForwardSsh> {
  const folder = await Deno.makeTempDir({ prefix: "porthole-forward-" });
  try {
    const configPath = join(folder, "config");
    await Deno.writeTextFile(configPath, options.config, { mode: 0o600 });
    return new RunningSsh(spawn(options.program ?? "ssh", sshArgs(options, configPath)), folder);
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new AppError("config_invalid", `Cannot find the program ${options.program ?? "ssh"}`, {
      hint: "Install OpenSSH's client (openssh-client), or add its folder to PATH",
      cause: error,
    });
  }
}

function sshArgs({ alias, tunnels }: ForwardSshOptions, configPath: string): string[] {
  return [
    "-F",
    configPath,
    "-N",
    "-T",
    // Without these: tunnels through somebody else's connection, which we could not end; or ones that silently fail.
    ...["ControlMaster=no", "ControlPath=none", "ExitOnForwardFailure=yes", "BatchMode=yes", "ConnectTimeout=30"]
      .flatMap((option) => ["-o", option]),
    // For LISTENING: a connect alone does not tell ssh's port from one that somebody else took a moment before.
    "-o",
    "LogLevel=DEBUG1",
    ...tunnels.flatMap(({ localPort, remotePort }) => ["-L", `${LOCAL_ADDRESS}:${localPort}:localhost:${remotePort}`]),
    "--",
    alias,
  ];
}

function spawn(program: string, args: string[]): Deno.ChildProcess {
  return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
}

class RunningSsh implements ForwardSsh {
  readonly pid: number;
  readonly listening: Promise<void>;
  readonly ended: Promise<AppError>;
  readonly #isListening = Promise.withResolvers<void>();
  readonly #lines: string[] = [];
  #hasEnded = false;

  constructor(private readonly child: Deno.ChildProcess, private readonly folder: string) {
    this.pid = child.pid;
    this.listening = this.#isListening.promise;
    this.ended = this.#watch();
  }

  lastWords(): string {
    return oneLine(this.#lines.at(-1) ?? "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => this.#kill("SIGKILL"), KILL_AFTER_MS);
    this.#kill("SIGTERM");
    await this.ended;
    clearTimeout(timer);
    await Deno.remove(this.folder, { recursive: true }).catch((error: unknown) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }

  #kill(signal: Deno.Signal): void {
    if (this.#hasEnded) return;
    try {
      this.child.kill(signal);
    } catch {
      // It ended between the look and the kill: that is all that was wanted.
    }
  }

  async #watch(): Promise<AppError> {
    const reading = this.#readLines();
    const { code } = await this.child.status;
    this.#hasEnded = true;
    await reading;
    return explainSshEnd(this.#lines, code);
  }

  async #readLines(): Promise<void> {
    let rest = "";
    for await (const text of this.child.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split(/\r?\n/);
      rest = (lines.pop() ?? "").slice(-MAX_LINE_CHARS);
      this.#keep(lines);
    }
    this.#keep([rest]);
  }

  #keep(lines: readonly string[]): void {
    if (lines.some((line) => line.startsWith(LISTENING))) this.#isListening.resolve();
    const said = lines.filter((line) => line.trim() !== "" && !/^debug\d: |^OpenSSH_|^Authenticated to /.test(line));
    this.#lines.push(...said.map((line) => line.slice(0, MAX_LINE_CHARS)));
    this.#lines.splice(0, Math.max(0, this.#lines.length - KEPT_LINES));
  }
}
