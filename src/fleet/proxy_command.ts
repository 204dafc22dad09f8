import { AppError, describeError } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";
import type { ByteStream } from "../stream/byte_stream.ts";

const READ_BYTES = 65_536;
/** Of what the program says on stderr, so much is kept for the error. */
const MAX_STDERR = 2_000;

/** Options of {@link dialProxyCommand}. */
export interface ProxyCommandOptions {
  /** The user's shell (ssh_config(5), ProxyCommand); `/bin/sh` if there is none. */
  readonly shell?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A program's stdin and stdout as a connection. `commandLine` comes from the user's ssh_config, tokens replaced, and is
 * run by the user's shell as ssh does; disposing the stream ends the program.
 *
 * @throws AppError `dial_failed` when the program cannot be started; a `read` rejects when it failed before a byte came.
 */
export function dialProxyCommand(
  commandLine: string,
  { shell = "/bin/sh", signal }: ProxyCommandOptions = {},
): Promise<ByteStream> {
  signal?.throwIfAborted();
  try {
    return Promise.resolve(programStream(spawn(commandLine, shell), commandLine));
  } catch (error) {
    const message = `Cannot start the ProxyCommand ${JSON.stringify(oneLine(commandLine))}: ${describeError(error)}`;
    return Promise.reject(new AppError("dial_failed", message, { cause: error }));
  }
}

function spawn(commandLine: string, shell: string): Deno.ChildProcess {
  const isWindows = Deno.build.os === "windows";
  // "exec" so that the program, not a shell in front of it, is what the kill reaches.
  const [program, args] = isWindows ? ["cmd.exe", ["/c", commandLine]] : [shell, ["-c", `exec ${commandLine}`]];
  return new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
}

function programStream(child: Deno.ChildProcess, commandLine: string): ByteStream {
  const reader = child.stdout.getReader({ mode: "byob" });
  const writer = child.stdin.getWriter();
  const said = collectStderr(child.stderr);
  let buffer = new Uint8Array(READ_BYTES);
  let hasRead = false;
  let isDisposed = false;
  return {
    async read() {
      if (isDisposed) return null;
      const { value, done } = await reader.read(buffer).catch(() => ({ value: undefined, done: true }));
      if (!done && value) {
        hasRead = true;
        buffer = new Uint8Array(value.buffer);
        return value;
      }
      if (!hasRead && !isDisposed) throw await failed(child, { commandLine, said });
      return null;
    },
    async write(bytes) {
      try {
        await writer.write(new Uint8Array(bytes));
      } catch (error) {
        // That it has ended is seen here first when it ended before it read: why is the better story.
        throw hasRead || isDisposed ? error : await failed(child, { commandLine, said });
      }
    },
    closeWrite: () => writer.close().catch(() => {/* the program has gone: its end of the pipe too */}),
    [Symbol.dispose]() {
      if (isDisposed) return;
      isDisposed = true;
      writer.abort().catch(() => {/* closed before */});
      reader.cancel().catch(() => {/* the program's end closed it */});
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended already, which is what the kill is for.
      }
    },
  };
}

/** The last that the program said; its stderr is read to the end, or it would block. */
async function collectStderr(stderr: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const piece of stderr.pipeThrough(new TextDecoderStream())) text = (text + piece).slice(-MAX_STDERR);
  return text;
}

async function failed(
  child: Deno.ChildProcess,
  { commandLine, said }: { commandLine: string; said: Promise<string> },
): Promise<AppError> {
  const { code } = await child.status;
  const lines = (await said).trim().split("\n");
  const why = lines.at(-1) ? `: ${oneLine(lines.at(-1) ?? "")}` : "";
  return new AppError(
    "dial_failed",
    `The ProxyCommand ${JSON.stringify(oneLine(commandLine))} ended with status ${code}${why}`,
    { details: { reason: "proxy_command" } },
  );
}
