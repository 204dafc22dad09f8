import { orAbort } from "../base/abort.ts";
import type { BufferedSource } from "./buffered_source.ts";
import type { HeaderFields } from "./header_fields.ts";
import { headerHasToken, headerValue, type HttpHead, readHttpHead } from "./http_head.ts";
import { closeQuietly, openTransport, writeAll } from "./open_transport.ts";
import type { OutboundProxy } from "./outbound_proxy.ts";

const MAX_BODY_BYTES = 65_536;

/** Options of {@link httpGet}. */
export interface HttpGetOptions {
  readonly headers: HeaderFields;
  readonly caCerts?: readonly string[] | undefined;
  readonly outboundProxy?: OutboundProxy | undefined;
  readonly signal: AbortSignal;
}

/** What a GET was answered with. */
export interface HttpAnswer {
  readonly status: number;
  /** At most 64 KiB of it. */
  readonly body: string;
}

/**
 * One GET over the same kind of connection as a WebSocket dial: the same proxies, certificates and errors, which `fetch`
 * does not have (it asks a proxy for this machine's own loopback, for one). Redirects are not followed.
 *
 * `url` is http(s): or ws(s):, which mean the same here.
 * @throws AppError as `openTransport`, `protocol` for an answer that is no HTTP, or the signal's reason.
 */
export async function httpGet(
  url: URL,
  { headers, caCerts, outboundProxy, signal }: HttpGetOptions,
): Promise<HttpAnswer> {
  const isTls = url.protocol === "wss:" || url.protocol === "https:";
  const { conn, source } = await openTransport({
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || (isTls ? 443 : 80)),
    isTls,
    caCerts,
    outboundProxy,
    signal,
  });
  try {
    const fields: HeaderFields = [["Host", url.host], ["Connection", "close"], ...headers];
    const lines = [`GET ${url.pathname}${url.search} HTTP/1.1`, ...fields.map(([name, value]) => `${name}: ${value}`)];
    await writeAll(conn, Uint8Array.from(`${lines.join("\r\n")}\r\n\r\n`, (char) => char.charCodeAt(0)));
    return await orAbort(readAnswer(source), signal);
  } finally {
    closeQuietly(conn);
  }
}

async function readAnswer(source: BufferedSource): Promise<HttpAnswer> {
  const head = await readHttpHead(source, { mustStartWith: "HTTP/1." });
  if (!head) return { status: 0, body: "" };
  const isWhole = bodyEnd(head);
  while (!isWhole(source.buffered) && source.buffered.length < MAX_BODY_BYTES && await source.fill());
  const text = new TextDecoder().decode(source.buffered.subarray(0, MAX_BODY_BYTES));
  const body = headerHasToken(head, "transfer-encoding", "chunked") ? joinChunks(text) : text;
  return { status: Number(head.startLine.split(" ")[1]), body };
}

/** Tells when a body is complete (RFC 9112 6.3); without a length only the connection's end tells. */
function bodyEnd(head: HttpHead): (buffered: Uint8Array) => boolean {
  if (headerHasToken(head, "transfer-encoding", "chunked")) {
    return (buffered) => new TextDecoder().decode(buffered.slice(-7)).endsWith("0\r\n\r\n");
  }
  const length = Number(headerValue(head, "content-length") ?? Infinity);
  return (buffered) => buffered.length >= length;
}

/** The chunks of `text` without their sizes (RFC 9112 7.1). Sizes count bytes: for ASCII, which is all we ask for. */
function joinChunks(text: string): string {
  let body = "";
  for (let at = 0;;) {
    const lineEnd = text.indexOf("\r\n", at);
    const size = lineEnd < 0 ? 0 : Number.parseInt(text.slice(at, lineEnd), 16);
    if (!(size > 0)) return body;
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}
