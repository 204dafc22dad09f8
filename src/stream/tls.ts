import { orAbort } from "../base/abort.ts";
import { AppError, describeError } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";

/** Options of {@link startTls}. */
export interface StartTlsOptions {
  /** The name that the certificate must carry. */
  readonly hostname: string;
  /** PEM, one certificate or a bundle each; trusted besides the default ones. */
  readonly caCerts?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Puts TLS on an open connection, HTTP/1.1 by ALPN, the certificate checked; `conn` is gone afterwards, also on failure.
 *
 * @throws AppError `tls_failed` with `details.reason` `unknown_ca`, `wrong_host`, `expired`, `not_tls` or `other`
 */
export async function startTls(
  conn: Deno.TcpConn,
  { hostname, caCerts = [], signal }: StartTlsOptions,
): Promise<Deno.TlsConn> {
  let tls: Deno.TlsConn | undefined;
  try {
    tls = await Deno.startTls(conn, { hostname, caCerts: [...caCerts], alpnProtocols: ["http/1.1"] });
    await orAbort(tls.handshake(), signal);
    return tls;
  } catch (error) {
    closeQuietly(tls ?? conn);
    signal?.throwIfAborted();
    throw tlsFailure(error, hostname);
  }
}

function tlsFailure(error: unknown, hostname: string): AppError {
  const text = oneLine(describeError(error)).replace(/^invalid peer certificate: /, "");
  const host = JSON.stringify(hostname);
  const fail = (reason: string, message: string, hint: string) =>
    new AppError("tls_failed", message, { hint, details: { reason, hostname }, cause: error });
  if (/CaUsedAsEndEntity/i.test(text)) {
    return fail(
      "unknown_ca",
      `The certificate of ${host} is that of an authority, which cannot be a server's own, trusted or not`,
      "Give the server one with basicConstraints=CA:FALSE, and porthole its signer (or itself) with --ca-file FILE",
    );
  }
  if (/UnknownIssuer|unknown issuer/i.test(text)) {
    return fail(
      "unknown_ca",
      `The certificate of ${host} is signed by nobody that this machine trusts`,
      "If your network has its own CA, give its certificate with --ca-file FILE or SSL_CERT_FILE",
    );
  }
  if (/NotValidForName|not valid for (?:any )?name/i.test(text)) {
    const names = [...text.matchAll(/(?:DnsName|IpAddress)\(([^)]*)\)/g)].map(([, name]) => name).join(", ");
    const message = `The certificate of ${host} is for another host: ${names || text}`;
    return fail("wrong_host", message, "Check the host name in the URL");
  }
  if (/Expired|NotValidYet|not valid yet/i.test(text)) {
    const state = /yet/i.test(text) ? "is not valid yet" : "has expired";
    return fail(
      "expired",
      `The certificate of ${host} ${state}`,
      "Check this machine's clock, then ask whoever runs the host",
    );
  }
  if (/InvalidContentType|corrupt message|UnexpectedMessage|illegal|end of file|eof|reset/i.test(text)) {
    return fail(
      "not_tls",
      `${host} does not speak TLS on this port: ${text}`,
      "Check the port, or use a ws:// URL if that is what runs there",
    );
  }
  return fail(
    "other",
    `Cannot agree on TLS with ${host}: ${text}`,
    "Check --ca-file and SSL_CERT_FILE, and whether something intercepts TLS",
  );
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // The failed handshake took it along.
  }
}
