import { AppError, describeError, toAppError } from "../base/errors.ts";
import { escapeControls } from "../base/printable.ts";
import { redactText, redactUrl } from "../base/redact.ts";
import { formatDuration } from "../base/duration.ts";
import type { ByteStream, Dialer } from "../stream/byte_stream.ts";
import { dialRoute } from "../stream/dial_route.ts";
import type { ResumeDialer } from "../stream/resume/carrier.ts";
import type { DialResumableOptions } from "../stream/resume/client.ts";
import { dialResumable, isResumable } from "../stream/resume/dial.ts";
import { stdioStream } from "../stream/stdio.ts";
import { disconnectMessage, isStderrDiscarded } from "./disconnect_message.ts";
import { LeavingBySignal, SignalExit } from "./leave_on_signal.ts";
import { parseProxyArgs, type ProxyArgs } from "./parse_proxy_args.ts";
import type { ProxyTarget, TargetLoader } from "./proxy_route.ts";
import { runProxy } from "./run_proxy.ts";

/** What the proxy needs of the process and of the rooms that it must not import. */
export interface ProxyMainOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly loadTarget: TargetLoader;
  /** The process's own unless told otherwise. */
  readonly stdio?: ByteStream;
  /** Writes one line, without its end, to stderr. */
  readonly printError?: (line: string) => void;
  /** Whether what is printed there is lost; asked of the process unless given. */
  readonly isStderrDiscarded?: () => boolean;
  readonly signal?: AbortSignal | undefined;
  /** The connection has become a session that the agent would hold: from now on somebody has to take leave of it. */
  readonly onResumable?: () => void;
}

/**
 * Runs `porthole proxy ARGS...` and resolves to its exit status; every failure is one line on stderr, with `--json` an
 * object and the only line. Where that is thrown away and SSH has not begun, the SSH client is told in its own words, and
 * shows them.
 *
 * The caller must end the process then: a read of stdin may be pending, which nothing can call off.
 */
export async function proxyMain(args: readonly string[], options: ProxyMainOptions): Promise<number> {
  const { printError = printToStderr, env, signal } = options;
  const stdio = new WatchedStdio(options.stdio ?? stdioStream());
  const isJson = args.includes("--json");
  using exit = new SignalExit();
  try {
    const parsed = parseProxyArgs(args);
    await runParsedProxy(parsed, {
      ...options,
      ...(isJson ? { printError: () => {} } : {}),
      stdio,
      signal: signal ? AbortSignal.any([signal, exit.signal]) : exit.signal,
      onResumable: () => exit.listen(),
    });
    return 0;
  } catch (error) {
    if (error instanceof LeavingBySignal) return error.status;
    const failure = toAppError(error);
    printError(isJson ? redactText(JSON.stringify(failure)) : errorLine(failure));
    if (!stdio.hasWritten && (options.isStderrDiscarded ?? isStderrDiscarded)()) {
      await stdio.write(disconnectMessage(errorLine(failure))).catch(() => {/* nobody reads stdout either */});
    }
    if (env.PORTHOLE_DEBUG && failure.cause !== undefined) {
      printError(debugLine(`cause: ${describeError(failure.cause)}`));
    }
    return failure.exitStatus;
  }
}

/** Runs the proxy that `args` describe until it ends. @throws AppError as `runProxy` does */
export async function runParsedProxy(args: ProxyArgs, options: ProxyMainOptions): Promise<void> {
  const { stdio = stdioStream(), printError = printToStderr, env, signal } = options;
  const debug = env.PORTHOLE_DEBUG ? (line: string) => printError(debugLine(line)) : () => {};
  const startedAt = performance.now();
  const result = await runProxy({
    dial: resuming(dialerFor(args, options, debug), { args, debug, onResumable: options.onResumable }),
    stdio,
    notice: (line) => printError(`porthole: ${plain(line)}`),
    waitMs: args.waitMs,
    signal,
  });
  debug(
    `ended by ${result.endedBy} after ${Math.round(performance.now() - startedAt)}ms: ` +
      `${result.bytesUp} bytes up, ${result.bytesDown} down`,
  );
}

/** A failure as the one line that a person reads: `porthole: <message>. <hint>`. */
export function errorLine(failure: AppError): string {
  return `porthole: ${sentences(failure)}`;
}

function sentences({ message, hint }: AppError): string {
  const [said, advice] = [message, hint ?? ""].map((text) => plain(text).replace(/[.\s]+$/, ""));
  // No full stop behind the hint, which may be a command to copy.
  return advice ? `${said}. ${advice}` : `${said}`;
}

/** A dialer whose streams outlive their connections, where the far end can do that and nobody has forbidden it. */
function resuming(
  dial: ResumeDialer,
  { args: { resumeForMs, nobodyHereMs, maxConnectionAgeMs }, debug, onResumable }: {
    readonly args: ProxyArgs;
    readonly debug: (line: string) => void;
    readonly onResumable: (() => void) | undefined;
  },
): Dialer {
  if (resumeForMs === 0) return ({ signal }) => dial({ protocols: [], signal });
  const isTerminal = Deno.stderr.isTerminal() || isStderrDiscarded();
  const told: Pick<DialResumableOptions, "onHeld" | "onStuck" | "onBack"> = {
    onHeld: ({ forMs, why }) =>
      printOnTerminal(
        `connection lost (${why}); the session is held, trying for ${formatDuration(forMs)} to get it back`,
      ),
    onStuck: (failure) => printOnTerminal(sentences(failure)),
    onBack: ({ afterMs }) => printOnTerminal(`the session is back after ${formatDuration(afterMs)}`),
  };
  const options = { resumeForMs, nobodyHereMs, maxConnectionAgeMs, onNote: debug, ...(isTerminal ? told : {}) };
  return async ({ signal }) => {
    const stream = await dialResumable(dial, { ...options, signal });
    if (isResumable(stream)) onResumable?.();
    return stream;
  };
}

function dialerFor(
  args: ProxyArgs,
  { loadTarget, env }: ProxyMainOptions,
  debug: (line: string) => void,
): ResumeDialer {
  let loaded: Promise<ProxyTarget> | undefined;
  return async ({ protocols, signal }) => {
    loaded ??= findTarget(args, loadTarget);
    const { route, credential, hasEnded } = await loaded;
    const place = route.kind === "tcp" ? `tcp ${route.host}:${route.port}` : redactUrl(route.url);
    debug(`dialling ${place}`);
    const startedAt = performance.now();
    const dialling = dialRoute(route, { headers: args.headers, credential, protocols, env, signal });
    const stream = await dialling.catch(async (error: unknown) => {
      throw isUnreachable(error) && await hasEnded?.() ? runEnded(args, error) : error;
    });
    debug(`connected to ${place} in ${Math.round(performance.now() - startedAt)}ms`);
    return stream;
  };
}

function isUnreachable(error: unknown): boolean {
  return error instanceof AppError && error.code === "dial_failed";
}

function runEnded({ destination }: ProxyArgs, cause: unknown): AppError {
  const name = destination.kind === "alias" ? destination.alias : destination.url;
  return new AppError("run_ended", `The run behind ${JSON.stringify(name)} has ended`, {
    hint: "porthole logs RUN shows what it printed",
    cause,
  });
}

/** The route that the arguments name. Files given on the command line take the place of the record's. */
async function findTarget(
  { destination, headersFile, caFile }: ProxyArgs,
  loadTarget: TargetLoader,
): Promise<ProxyTarget> {
  const files = { ...(headersFile === undefined ? {} : { headersFile }), ...(caFile === undefined ? {} : { caFile }) };
  if (destination.kind === "url") return { route: { kind: "websocket", url: destination.url, ...files } };
  const target = await loadTarget(destination.alias);
  return target.route.kind === "tcp" ? target : { ...target, route: { ...target.route, ...files } };
}

function debugLine(line: string): string {
  return `porthole: debug: ${plain(line)}`;
}

function plain(text: string): string {
  return escapeControls(redactText(text).replaceAll(/\s*\r?\n\s*/g, " "));
}

/** Remembers whether anything was written. */
class WatchedStdio implements ByteStream {
  hasWritten = false;
  readonly #stdio: ByteStream;

  constructor(stdio: ByteStream) {
    this.#stdio = stdio;
  }

  read(): Promise<Uint8Array | null> {
    return this.#stdio.read();
  }

  write(bytes: Uint8Array): Promise<void> {
    this.hasWritten = true;
    return this.#stdio.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#stdio.closeWrite();
  }

  [Symbol.dispose](): void {
    this.#stdio[Symbol.dispose]();
  }
}

/** One line on the terminal, over what is written in its present one. */
function printOnTerminal(line: string): void {
  const text = `\rporthole: ${plain(line)}`;
  if (Deno.stderr.isTerminal()) return printToStderr(text);
  try {
    // ssh with ControlPersist, which our own block asks for, took stderr away; the terminal is still ours.
    using terminal = Deno.openSync("/dev/tty", { write: true });
    terminal.writeSync(new TextEncoder().encode(`${text}\r\n`));
  } catch {
    // No terminal: an editor or a script started ssh, and nobody looks.
  }
}

function printToStderr(line: string): void {
  try {
    // ssh may have a terminal in raw mode, where a line feed alone does not go back to the left.
    Deno.stderr.writeSync(new TextEncoder().encode(`${line}${Deno.stderr.isTerminal() ? "\r\n" : "\n"}`));
  } catch {
    // Nobody reads stderr any more; the exit status still tells.
  }
}
