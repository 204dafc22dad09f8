import { deadline, sleep } from "../base/abort.ts";
import { LOCAL_ADDRESS, type Tunnel } from "./forward_ports.ts";

/** A server that waits for its client to speak keeps silent: after this long it counts as an answer. Round trips of 300 ms
 * and a slow connect on the far end fit in, since ssh closes our end as soon as the far end says that nobody listens. */
const SILENCE_MS = 1_000;
/** How long one HTTP request may take: TensorBoard reads its logs before it answers the first time. */
const HTTP_TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 2_000;

/** Options of {@link awaitAnswer}. */
export interface AwaitAnswerOptions {
  readonly signal: AbortSignal;
  /** Called once, when the tunnel stands and nobody answers at its far end. */
  onWaiting(): void;
}

/** Resolves as soon as the far end of `tunnel` answers: HTTP with HTTP, others by not hanging up. Asks until then. */
export async function awaitAnswer(tunnel: Tunnel, { signal, onWaiting }: AwaitAnswerOptions): Promise<void> {
  let isTold = false;
  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    const found = await look(tunnel, signal);
    if (found === "answer") return;
    await sleep(pauseMs, signal);
    // Behind the pause, so that what ssh had to say of it has been read.
    if (found === "silence" && !isTold) onWaiting();
    isTold ||= found === "silence";
  }
}

/** `nobody` listens here: ssh is still on its way. `silence`: it does, and the far end has nothing to say. */
async function look(tunnel: Tunnel, signal: AbortSignal): Promise<"nobody" | "silence" | "answer"> {
  using limit = deadline(tunnel.isHttp ? HTTP_TIMEOUT_MS : SILENCE_MS, { signal, reason: () => new SilenceError() });
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect({ hostname: LOCAL_ADDRESS, port: tunnel.localPort, signal: limit.signal });
  } catch {
    signal.throwIfAborted();
    return "nobody";
  }
  using _conn = conn;
  conn.setNoDelay(true);
  try {
    const read = tunnel.isHttp ? askHttp(conn, tunnel) : readSome(conn);
    return await untilAborted(read, { conn, signal: limit.signal }) ? "answer" : "silence";
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof SilenceError && !tunnel.isHttp ? "answer" : "silence";
  }
}

/** A reason of our own, so that silence is told from an end. */
class SilenceError extends Error {}

/** Closes `conn` on abort: that ends the pending read, which is awaited so that nothing stays behind. */
async function untilAborted(
  reading: Promise<boolean>,
  { conn, signal }: { conn: Deno.TcpConn; signal: AbortSignal },
): Promise<boolean> {
  const onAbort = () => {
    try {
      conn.close();
    } catch {
      // Closed already: the read has ended by itself.
    }
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const isAnswer = await reading.catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
    signal.throwIfAborted();
    return isAnswer;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function readSome(conn: Deno.TcpConn): Promise<boolean> {
  return await conn.read(new Uint8Array(64)) !== null;
}

async function askHttp(conn: Deno.TcpConn, { localPort }: Tunnel): Promise<boolean> {
  const request = `GET / HTTP/1.1\r\nHost: ${LOCAL_ADDRESS}:${localPort}\r\nConnection: close\r\nAccept: */*\r\n\r\n`;
  const bytes = new TextEncoder().encode(request);
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
  const head = new Uint8Array(64);
  let filled = 0;
  while (filled < 5) {
    const count = await conn.read(head.subarray(filled));
    if (count === null) return false;
    filled += count;
  }
  return new TextDecoder().decode(head.subarray(0, 5)) === "HTTP/";
}
