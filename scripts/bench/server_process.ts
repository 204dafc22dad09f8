import { deadline, orAbort } from "../../src/base/abort.ts";

/** A server that was started for the bench; disposing it kills it and waits until it is gone. */
export interface ServerProcess extends AsyncDisposable {
  /** What the pattern of its ready line caught. */
  readonly ready: RegExpExecArray;
  readonly pid: number;
}

/** Options of {@link startServer}. */
export interface StartServerOptions {
  /** Found in a line of stdout or stderr: from then on it can be reached. */
  readonly ready: RegExp;
  /** Words to put before it. */
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Starts `argv` and waits for its ready line. @throws Error with what it said when it ends or is silent for too long. */
export async function startServer(
  argv: readonly [string, ...string[]],
  { ready, prefix = [], env = {}, timeoutMs = 15_000 }: StartServerOptions,
): Promise<ServerProcess> {
  const [program = "", ...args] = [...prefix, ...argv];
  const child = new Deno.Command(program, { args, env, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  let said = "";
  const watching = Promise.withResolvers<RegExpExecArray>();
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    // Read to the end: a server whose pipe is full stands still.
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      said = (said + text).slice(-4000);
      const found = ready.exec(said);
      if (found) watching.resolve(found);
    }
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)])
    .then(() => watching.reject(new Error(`${argv[0]} ended before it was ready: ${lastLines(said)}`)));
  const stop = async () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await child.status;
    await reading;
  };
  using limit = deadline(timeoutMs, {
    reason: () => new Error(`${argv[0]} was not ready after ${timeoutMs} ms: ${lastLines(said)}`),
  });
  try {
    return {
      ready: await orAbort(watching.promise, limit.signal),
      pid: child.pid,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-3).map((line) => line.trim()).join(" / ") || "it said nothing";
}

/** A loopback port that was free a moment ago, for servers that cannot choose one and tell it. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
