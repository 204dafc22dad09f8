import { AppError } from "../base/errors.ts";
import { every } from "../base/every.ts";
import { oneLine } from "../base/printable.ts";
import type { ByteStream, Dialer } from "../stream/byte_stream.ts";
import { isResumable } from "../stream/resume/dial.ts";
import { BODY_BYTES, FRAME } from "../stream/resume/protocol.ts";
import { WebSocketStream } from "../stream/websocket_stream.ts";
import { dialWithWait } from "./dial_with_wait.ts";
import { EarlyReader } from "./early_reader.ts";

/** How the WELCOME of the resume protocol begins; no SSH server says that. */
const WELCOME_HEAD = [FRAME.welcome, 0, 0, BODY_BYTES[FRAME.welcome]];
/** How long the route may stay silent once stdin has ended: what was under way arrives, what hangs does not hold us. */
const LINGER_MS = 2000;
/** What the reading side gets to tell why the connection went away, when writing has failed. */
const REASON_MS = 1000;

/** Options of {@link runProxy}. */
export interface RunProxyOptions {
  readonly dial: Dialer;
  /** Where the SSH client is. Its reading may still be pending when the proxy has returned. */
  readonly stdio: ByteStream;
  /** One line for people, on stderr. */
  readonly notice: (line: string) => void;
  readonly debug?: (line: string) => void;
  /** How long a route that is not up yet (404, 429, 502, 503, 504) is asked again. */
  readonly waitMs?: number;
  readonly lingerMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** How it ended: the SSH client left (`stdin` ended, `stdout` closed) or the far side did. */
export interface ProxyResult {
  readonly endedBy: "stdin" | "stdout" | "route";
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/**
 * The ProxyCommand: joins stdio with a route, for as long as both are there.
 *
 * stdin is watched from the first moment: its end before the connection is up ends the proxy at once. Its end later is
 * passed on, and what the far side still sends is waited for while it comes.
 * @throws AppError as `dial` does; `tunnel_closed` when the route broke, or ended before the first byte
 */
export async function runProxy(options: RunProxyOptions): Promise<ProxyResult> {
  const { stdio, signal } = options;
  signal?.throwIfAborted();
  const stdin = new EarlyReader(stdio);
  const route = await connect(stdin, options);
  if (!route) return { endedBy: "stdin", bytesUp: 0, bytesDown: 0 };
  const onAbort = () => isResumable(route) ? void route.close() : route[Symbol.dispose]();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal?.aborted) onAbort();
    const result = await join({ stdin, stdout: stdio, route }, options);
    signal?.throwIfAborted();
    return result;
  } catch (error) {
    // Whatever broke because of it: the signal is why.
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    // An agent that is not told would hold the session for somebody who does not come back.
    if (isResumable(route)) await route.close();
    route[Symbol.dispose]();
  }
}

/** The open route, or undefined if stdin ended before. */
async function connect(stdin: EarlyReader, options: RunProxyOptions): Promise<ByteStream | undefined> {
  const { dial, notice, waitMs = 0, signal } = options;
  const gone = new AbortController();
  const dialling = dialWithWait(dial, {
    waitMs,
    signal: signal ? AbortSignal.any([signal, gone.signal]) : gone.signal,
    onWait: notice,
  });
  const left = stdin.ended.then(() => undefined);
  const route = await Promise.race([dialling, left]);
  if (route) return route;
  gone.abort();
  dialling.then((late) => late[Symbol.dispose](), () => {/* called off: nobody waits for it */});
  return undefined;
}

interface Ends {
  readonly stdin: EarlyReader;
  readonly stdout: ByteStream;
  readonly route: ByteStream;
}

/** Copies both ways until the route's direction has ended, or nobody is left who would take its bytes. */
async function join({ stdin, stdout, route }: Ends, { lingerMs = LINGER_MS }: RunProxyOptions): Promise<ProxyResult> {
  const count = { up: 0, down: 0 };
  const up = sendAll({ stdin, route }, count);
  const down = receiveAll({ route, stdout }, count);
  let end = await Promise.race([down, up]);
  if (end.kind === "stdin") {
    using silence = new Silence(() => count.down, lingerMs);
    await Promise.race([down, silence.begun]);
  } else if (end.kind === "write-failed") {
    // The reading side knows better why, and may still hold the far side's last words.
    using silence = new Silence(() => count.down, REASON_MS);
    end = await Promise.race([down, silence.begun.then(() => end)]);
  }
  if (end.kind === "write-failed" || end.kind === "read-failed") throw explainBreak(end.error, count.down);
  if (end.kind === "route") assertGoodEnd(route, count.down);
  return { endedBy: end.kind, bytesUp: count.up, bytesDown: count.down };
}

type End =
  | { readonly kind: "stdin" | "stdout" | "route" }
  | { readonly kind: "write-failed" | "read-failed"; readonly error: unknown };

/** Copies stdin to the route. A stdin that fails has ended. */
async function sendAll({ stdin, route }: Pick<Ends, "stdin" | "route">, count: { up: number }): Promise<End> {
  const next = () => stdin.read().catch(() => null);
  try {
    for (let bytes = await next(); bytes !== null; bytes = await next()) {
      await route.write(bytes);
      count.up += bytes.length;
    }
    await route.closeWrite();
    return { kind: "stdin" };
  } catch (error) {
    return { kind: "write-failed", error };
  }
}

/** Copies the route to stdout. A stdout that fails is one that nobody reads any more. */
async function receiveAll({ route, stdout }: Pick<Ends, "route" | "stdout">, count: { down: number }): Promise<End> {
  let isWriting = false;
  try {
    for (let bytes = await route.read(); bytes !== null; bytes = await route.read()) {
      if (count.down === 0) assertPlain(bytes, route);
      isWriting = true;
      await stdout.write(bytes);
      isWriting = false;
      count.down += bytes.length;
    }
    // Without a byte it is a failure, and whoever reports it may have something to say.
    if (count.down > 0) await stdout.closeWrite();
    return { kind: "route" };
  } catch (error) {
    return isWriting ? { kind: "stdout" } : { kind: "read-failed", error };
  }
}

/** @throws AppError `protocol` when the agent's choice of the resume protocol was lost on its way back (docs/resume.md). */
function assertPlain(bytes: Uint8Array, route: ByteStream): void {
  const isWelcome = WELCOME_HEAD.every((byte, index) => bytes[index] === byte);
  if (!isWelcome || isResumable(route)) return;
  throw new AppError(
    "protocol",
    "The agent's answer came without its Sec-WebSocket-Protocol: something between removes it",
    {
      hint: "Give porthole proxy --no-resume, or let the ingress pass that header on",
    },
  );
}

/**
 * A pod whose SSH server is not up closes over the greeting that it has not read, which resets the connection
 * (docs/wire.md): before the first byte that is the same as an end.
 */
function explainBreak(error: unknown, bytesDown: number): unknown {
  if (bytesDown > 0 || !(error instanceof AppError) || error.code !== "tunnel_closed") return error;
  const why = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  return noServer(why, { details: { bytesDown }, cause: error });
}

function noServer(why: string, { details, cause }: { details: Record<string, unknown>; cause?: unknown }): AppError {
  return new AppError(
    "tunnel_closed",
    `No SSH server answered behind the route: ${why}`,
    { hint: "The job may be starting or ending: look at its log, then try again", details, cause },
  );
}

/** @throws AppError `tunnel_closed` when the far side has ended before it said anything, or otherwise than it should. */
function assertGoodEnd(route: ByteStream, bytesDown: number): void {
  const close = route instanceof WebSocketStream ? route.closeInfo : undefined;
  const isPlain = close === undefined || close.code === 1000 || close.code === 1001 || close.code === 1005;
  const reason = close?.reason ? ` ${JSON.stringify(oneLine(close.reason, 120))}` : "";
  const details = { bytesDown, ...(close ? { closeCode: close.code } : {}) };
  if (bytesDown === 0) {
    const how = isPlain || close.code === 1006 ? reason : ` (close code ${close.code}${reason})`;
    throw noServer(`it closed before the first byte${how}`, { details });
  }
  if (isPlain) return;
  const how = close.code === 1006
    ? "the connection was cut"
    : `the far side closed it with code ${close.code}${reason}`;
  throw new AppError("tunnel_closed", `The tunnel ended: ${how}`, {
    hint: "Connect again; if it happens again, look whether the job still runs",
    details,
  });
}

/** Begins when `progress` has stood still for `ms`. */
class Silence implements Disposable {
  readonly begun: Promise<void>;
  readonly #timer: Disposable;

  constructor(progress: () => number, ms: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.begun = promise;
    let last = progress();
    this.#timer = every(ms, () => {
      if (progress() === last) resolve();
      last = progress();
    });
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }
}
