import { AppError, describeError } from "../base/errors.ts";
import { deadline } from "../base/abort.ts";
import { hostPort } from "../base/host_port.ts";
import type { ByteStream } from "./byte_stream.ts";

/** What one read takes at most; a socket under load fills it. */
const MAX_READ_BYTES = 262_144;
/** What the first read takes: hundreds of connections that carry little must not cost 256 KiB each. */
const FIRST_READ_BYTES = 16_384;
/** OpenSSH's editors give a whole connection 15 s; a host that has not answered by then will not. */
const CONNECT_TIMEOUT_MS = 15_000;
const DNS_FAILURE = /failed to lookup|no such host|name or service|nodename nor servname|name resolution|invalid host/i;

/** Where to connect to. */
export interface TcpAddress {
  /** A name or an address; IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** Options of {@link connectTcp} and {@link dialTcp}. */
export interface DialTcpOptions extends TcpAddress {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/** An open TCP or TLS connection as a ByteStream; owns `conn`. Its read buffer is used again, and grows while reads fill it. */
export class ConnStream implements ByteStream {
  readonly #conn: Deno.Conn;
  #buffer = new Uint8Array(FIRST_READ_BYTES);
  #isWriteClosed = false;
  #isDisposed = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#isDisposed) return null;
    try {
      const buffer = this.#buffer;
      const count = await this.#conn.read(buffer);
      if (count === buffer.length && count < MAX_READ_BYTES) this.#buffer = new Uint8Array(4 * count);
      return count === null ? null : buffer.subarray(0, count);
    } catch (error) {
      if (this.#isDisposed) return null;
      throw broken(error);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(at === 0 ? bytes : bytes.subarray(at));
    } catch (error) {
      throw broken(error);
    }
  }

  async closeWrite(): Promise<void> {
    if (this.#isWriteClosed || this.#isDisposed) return;
    this.#isWriteClosed = true;
    try {
      await this.#conn.closeWrite();
    } catch {
      // The connection is gone, which closes this direction too; a reader hears of it.
    }
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    try {
      this.#conn.close();
    } catch {
      // Closed by whoever gave it to us: the same result.
    }
  }
}

/** An open TCP connection as a ByteStream, with TCP_NODELAY set. Takes `conn` over. */
export function streamFromConn(conn: Deno.Conn): ByteStream {
  setNoDelay(conn);
  return new ConnStream(conn);
}

/** Sets TCP_NODELAY where the connection has it. Without it a small write waits up to 40 ms for the last one's ACK. */
export function setNoDelay(conn: Deno.Conn): void {
  if ("setNoDelay" in conn && typeof conn.setNoDelay === "function") conn.setNoDelay(true);
}

/** Opens a TCP connection as a ByteStream. @throws as {@link connectTcp} */
export async function dialTcp(options: DialTcpOptions): Promise<ByteStream> {
  return new ConnStream(await connectTcp(options));
}

/**
 * Opens a TCP connection with TCP_NODELAY set, over IPv6 or IPv4, whichever answers first (RFC 8305).
 *
 * @throws AppError `dial_failed` with `details.reason` `dns`, `refused`, `timeout`, `unreachable` or `other`
 */
export async function connectTcp(
  { hostname, port, signal, timeoutMs = CONNECT_TIMEOUT_MS }: DialTcpOptions,
): Promise<Deno.TcpConn> {
  signal?.throwIfAborted();
  using limit = deadline(timeoutMs, { signal, reason: () => new Deno.errors.TimedOut("no answer") });
  try {
    const conn = await Deno.connect({ hostname, port, signal: limit.signal });
    conn.setNoDelay(true);
    return conn;
  } catch (error) {
    signal?.throwIfAborted();
    throw connectFailure(limit.signal.aborted ? limit.signal.reason : error, { hostname, port });
  }
}

/** Whether `hostname` is this machine itself, and cannot be another. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function connectFailure(error: unknown, { hostname, port }: TcpAddress): AppError {
  const place = JSON.stringify(hostPort(hostname, port));
  const text = describeError(error);
  const fail = (reason: string, message: string, hint: string) =>
    new AppError("dial_failed", message, { hint, details: { reason, hostname, port }, cause: error });
  if (error instanceof Deno.errors.ConnectionRefused) {
    return fail(
      "refused",
      `Cannot connect to ${place}: connection refused`,
      "Nothing listens there: is it running, and on that port?",
    );
  }
  if (error instanceof Deno.errors.TimedOut) {
    return fail(
      "timeout",
      `Cannot connect to ${place}: no answer`,
      "A firewall may drop it: check the address and the network",
    );
  }
  if (DNS_FAILURE.test(text)) {
    return fail(
      "dns",
      `Cannot find the host ${JSON.stringify(hostname)}: the name does not resolve`,
      "Check the spelling, the network and the VPN",
    );
  }
  if (/unreachable|no route to host/i.test(text)) {
    return fail("unreachable", `Cannot connect to ${place}: no route to it`, "Check the network and the VPN");
  }
  return fail("other", `Cannot connect to ${place}: ${text}`, "Check the address and the network");
}

function broken(error: unknown): AppError {
  return new AppError("tunnel_closed", `The connection broke: ${describeError(error)}`, { cause: error });
}
