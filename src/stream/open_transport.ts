import { orAbort } from "../base/abort.ts";
import { AppError } from "../base/errors.ts";
import { BufferedSource } from "./buffered_source.ts";
import { connectThroughHttp } from "./http_connect.ts";
import type { OutboundProxy } from "./outbound_proxy.ts";
import { connectThroughSocks5 } from "./socks5.ts";
import { connectTcp, type TcpAddress } from "./tcp.ts";
import { startTls } from "./tls.ts";

/** Options of {@link openTransport}. */
export interface OpenTransportOptions extends TcpAddress {
  readonly isTls: boolean;
  readonly caCerts?: readonly string[] | undefined;
  readonly outboundProxy?: OutboundProxy | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An open connection and what was already read from it. */
export interface Transport {
  readonly conn: Deno.Conn;
  readonly source: BufferedSource;
}

/**
 * Opens TCP to a host, through a proxy if one is given, with TLS on it if asked for. The caller owns `conn`.
 *
 * @throws AppError `dial_failed`, `tls_failed`, `auth_denied` (the proxy), or the signal's reason
 */
export async function openTransport(
  { hostname, port, isTls, caCerts, outboundProxy, signal }: OpenTransportOptions,
): Promise<Transport> {
  const conn = outboundProxy
    ? await connectToProxy(outboundProxy, signal)
    : await connectTcp({ hostname, port, signal });
  try {
    const source = new BufferedSource(conn);
    if (outboundProxy) await orAbort(askProxy(conn, { source, target: { hostname, port }, outboundProxy }), signal);
    if (!isTls) return { conn, source };
    if (source.buffered.length > 0) {
      throw new AppError("protocol", "The proxy sent data of its own before TLS could start");
    }
    const tls = await startTls(conn, { hostname, caCerts, signal });
    return { conn: tls, source: new BufferedSource(tls) };
  } catch (error) {
    closeQuietly(conn);
    throw error;
  }
}

/** As {@link connectTcp}, but a failure says that it is the proxy's, and which variable asks for it. */
async function connectToProxy(proxy: OutboundProxy, signal: AbortSignal | undefined): Promise<Deno.TcpConn> {
  const { hostname, port, variable } = proxy;
  try {
    return await connectTcp({ hostname, port, signal });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(error.code, `Cannot use the proxy of ${variable}: ${error.message}`, {
      hint: `Check ${variable}, or add the host to NO_PROXY`,
      details: { ...error.details, proxy: `${hostname}:${port}` },
      cause: error,
    });
  }
}

async function askProxy(
  conn: Deno.Conn,
  { source, target, outboundProxy }: { source: BufferedSource; target: TcpAddress; outboundProxy: OutboundProxy },
): Promise<void> {
  const send = (bytes: Uint8Array) => writeAll(conn, bytes);
  const connect = outboundProxy.kind === "http" ? connectThroughHttp : connectThroughSocks5;
  try {
    await connect({ source, send }, target, outboundProxy);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "protocol") throw error;
    throw new AppError(
      "dial_failed",
      `The proxy ${outboundProxy.hostname}:${outboundProxy.port} is none: ${error.message}`,
      {
        hint: `Check ${outboundProxy.variable}`,
        cause: error,
      },
    );
  }
}

/** Writes all of `bytes`. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** Closes a connection that may be closed already. */
export function closeQuietly(conn: { close(): void }): void {
  try {
    conn.close();
  } catch {
    // Closed before, or taken over by TLS: either way it is gone.
  }
}
