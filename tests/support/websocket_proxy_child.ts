import { fileURLToPath } from "node:url";
import { findCompiled } from "./compiled.ts";
import { makeTempHome, type TempHome } from "./temp_home.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** How it ended and what it wrote. */
export interface ProxyEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `porthole proxy` of its own process, stdin held open until the test ends it. */
export class ProxyChild implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stdout: ReadableStreamDefaultReader<Uint8Array>;
  readonly #stderr: Promise<string>;
  readonly #home: TempHome;

  private constructor(child: Deno.ChildProcess, home: TempHome) {
    this.#child = child;
    this.#home = home;
    this.#stdin = child.stdin.getWriter();
    this.#stdout = child.stdout.getReader();
    this.#stderr = new Response(child.stderr).text();
  }

  /** Starts it with `args` behind `proxy`: from the source, or the compiled program. */
  static async start(
    args: readonly string[],
    { env = {}, isCompiled = false }: { readonly env?: Record<string, string>; readonly isCompiled?: boolean } = {},
  ): Promise<ProxyChild> {
    const home = await makeTempHome();
    const compiled = isCompiled ? findCompiled().path : undefined;
    const [program, ...before] = compiled ? [compiled] : [Deno.execPath(), "run", "--no-prompt", "-A", MAIN];
    const child = new Deno.Command(program ?? "", {
      args: [...before, "proxy", ...args],
      clearEnv: true,
      env: home.environment(env),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new ProxyChild(child, home);
  }

  get pid(): number {
    return this.#child.pid;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#stdin.write(bytes);
  }

  async closeStdin(): Promise<void> {
    await this.#stdin.close();
  }

  /** The next bytes of stdout, null at the end. */
  async read(): Promise<Uint8Array | null> {
    const { value, done } = await this.#stdout.read();
    return done ? null : value;
  }

  /** Reads stdout to its end and waits for the process. */
  async end(): Promise<ProxyEnd> {
    const decoder = new TextDecoder();
    let stdout = "";
    for (let bytes = await this.read(); bytes !== null; bytes = await this.read()) {
      stdout += decoder.decode(bytes, { stream: true });
    }
    const { code } = await this.#child.status;
    return { code, stdout, stderr: await this.#stderr };
  }

  /** Closes the reading end of stdout and waits for the process. */
  async endWithoutReading(): Promise<Pick<ProxyEnd, "code" | "stderr">> {
    await this.#stdout.cancel();
    const { code } = await this.#child.status;
    return { code, stderr: await this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended, as it should have.
    }
    await this.#stdin.abort().catch(() => {/* closed by the test */});
    await this.#stdout.cancel();
    await this.#stderr;
    await this.#child.status;
    await this.#home[Symbol.asyncDispose]();
  }
}
