import { deadline, orAbort } from "../base/abort.ts";
import { AppError, describeError } from "../base/errors.ts";
import { after } from "../base/every.ts";
import { oneLine } from "../base/printable.ts";
import { redactUrl } from "../base/redact.ts";
import { VERSION } from "../base/version.ts";
import { assertHeaderField, type HeaderFields } from "./header_fields.ts";
import { headerHasToken, headerValue, type HttpHead, readHttpHead } from "./http_head.ts";
import { closeQuietly, openTransport, type Transport, writeAll } from "./open_transport.ts";
import type { OutboundProxy } from "./outbound_proxy.ts";
import { acceptFor, newHandshakeKey } from "./websocket_handshake.ts";
import { followRedirect, isRedirect, MAX_REDIRECTS } from "./websocket_redirect.ts";
import { refusal } from "./websocket_refusal.ts";
import { WebSocketStream, type WebSocketStreamOptions } from "./websocket_stream.ts";
import { parseWebSocketUrl } from "./websocket_url.ts";

/** A cold pod behind two proxies answers within this, or not at all. */
const HANDSHAKE_TIMEOUT_MS = 25_000;
/** As much of a refusal's body as its first line needs. */
const MAX_BODY_BYTES = 4096;

/** Options of {@link dialWebSocket}. */
export interface DialWebSocketOptions
  extends Pick<WebSocketStreamOptions, "pingIntervalMs" | "maxMissedPongs" | "maxFrameBytes"> {
  readonly url: string | URL;
  /** Sent to the URL's own host alone, never to another that it redirects to. */
  readonly headers?: HeaderFields;
  /** PEM; trusted besides the default ones. */
  readonly caCerts?: readonly string[] | undefined;
  /** Offered in Sec-WebSocket-Protocol, the best first. */
  readonly protocols?: readonly string[];
  /** The proxy for a host, if any: `chooseOutboundProxy` with an environment. */
  readonly outboundProxy?: ((url: URL) => OutboundProxy | undefined) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For everything until the 101. */
  readonly timeoutMs?: number;
}

/**
 * Opens a WebSocket; every refusal says what answered and what to do. No extension is offered (permessage-deflate costs
 * 5 to 7 times and ciphertext does not shrink).
 *
 * A redirect within the same host is followed, five times at most; one to another host is an error that names it.
 * @throws AppError `dial_failed`, `tls_failed`, `redirected`, `auth_denied`, `route_not_ready`, `handshake_failed`,
 * `timeout`, `usage` (the URL), `config_invalid` (the headers), or the signal's reason
 */
export async function dialWebSocket(options: DialWebSocketOptions): Promise<WebSocketStream> {
  const { headers = [], signal, timeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
  let url = parseWebSocketUrl(options.url);
  for (const field of headers) assertHeaderField(field, "the request");
  signal?.throwIfAborted();
  using limit = deadline(timeoutMs, { signal, reason: () => tooSlow(url, timeoutMs) });
  for (let redirects = 0;; redirects++) {
    const answer = await request(url, { ...options, headers, signal: limit.signal });
    if (answer instanceof WebSocketStream) return answer;
    if (redirects === MAX_REDIRECTS) {
      throw new AppError("redirected", `${redactUrl(url)} redirects in a circle: ${MAX_REDIRECTS} times so far`, {
        hint: "Check the URL",
        details: { status: answer.status, url: redactUrl(url) },
      });
    }
    url = followRedirect(url, answer);
  }
}

type RequestOptions = DialWebSocketOptions & { readonly headers: HeaderFields; readonly signal: AbortSignal };

/** One request: the open stream, or where a redirect points. */
async function request(
  url: URL,
  options: RequestOptions,
): Promise<WebSocketStream | { status: number; location: string }> {
  const { signal } = options;
  const transport = await openTransport({
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || (url.protocol === "wss:" ? 443 : 80)),
    isTls: url.protocol === "wss:",
    caCerts: options.caCerts,
    outboundProxy: options.outboundProxy?.(url),
    signal,
  });
  const hands = shakeHands(url, { ...options, transport });
  try {
    const answer = await orAbort(hands, signal);
    if (!(answer instanceof WebSocketStream)) closeQuietly(transport.conn);
    return answer;
  } catch (error) {
    closeQuietly(transport.conn);
    // Aborted at the very moment when it succeeded: nobody else will close that stream.
    hands.then((late) => late instanceof WebSocketStream && late[Symbol.dispose](), () => {/* told below */});
    signal.throwIfAborted();
    throw error instanceof AppError ? error : cutOff(url, error);
  }
}

async function shakeHands(
  url: URL,
  options: RequestOptions & { readonly transport: Transport },
): Promise<WebSocketStream | { status: number; location: string }> {
  const { transport: { conn, source }, headers, protocols = [] } = options;
  const key = newHandshakeKey();
  await writeAll(conn, requestBytes(url, { key, headers, protocols }));
  const head = await readAnswer(url, options.transport);
  const status = Number(head.startLine.split(" ")[1]);
  if (status === 101) {
    const protocol = await checkAnswer(url, { head, key, protocols });
    const { pingIntervalMs, maxMissedPongs, maxFrameBytes } = options;
    return new WebSocketStream(conn, {
      role: "client",
      buffered: source.buffered,
      protocol,
      ...(pingIntervalMs === undefined ? {} : { pingIntervalMs }),
      ...(maxMissedPongs === undefined ? {} : { maxMissedPongs }),
      ...(maxFrameBytes === undefined ? {} : { maxFrameBytes }),
    });
  }
  const location = headerValue(head, "location");
  if (isRedirect(status) && location !== undefined) return { status, location };
  throw refusal(url, { head, status, body: await readBody(head, options.transport), headers });
}

function requestBytes(
  url: URL,
  { key, headers, protocols }: { key: string; headers: HeaderFields; protocols: readonly string[] },
): Uint8Array {
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  const fields: [string, string][] = [
    ...(names.has("host") ? [] : [["Host", url.host] satisfies [string, string]]),
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Key", key],
    ["Sec-WebSocket-Version", "13"],
    ...(protocols.length ? [["Sec-WebSocket-Protocol", protocols.join(", ")] satisfies [string, string]] : []),
    ...(names.has("user-agent") ? [] : [["User-Agent", `porthole/${VERSION}`] satisfies [string, string]]),
    ...headers.map(([name, value]): [string, string] => [name, value]),
  ];
  const lines = [`GET ${url.pathname}${url.search} HTTP/1.1`, ...fields.map(([name, value]) => `${name}: ${value}`)];
  // Header values are Latin-1 on the wire (RFC 9110 5.5); UTF-8 would turn one character into two.
  return Uint8Array.from(`${lines.join("\r\n")}\r\n\r\n`, (char) => char.charCodeAt(0));
}

async function readAnswer(url: URL, { source }: Transport): Promise<HttpHead> {
  const place = redactUrl(url);
  try {
    const head = await readHttpHead(source, { mustStartWith: "HTTP/1." });
    if (head) return head;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(
      "handshake_failed",
      `${place} does not speak HTTP as a WebSocket server does: ${error.message}`,
      {
        hint: "Check the port: something else listens there",
        details: { url: place },
        cause: error,
      },
    );
  }
  throw cutOff(url, undefined);
}

function cutOff(url: URL, cause: unknown): AppError {
  const place = redactUrl(url);
  const why = cause === undefined ? "" : `: ${oneLine(describeError(cause))}`;
  return new AppError("handshake_failed", `${place} closed the connection during the WebSocket handshake${why}`, {
    hint: "The route may be going down or coming up: try again; porthole connect waits for it",
    details: { url: place },
    cause,
  });
}

/** The subprotocol chosen. @throws AppError `handshake_failed` for a 101 that does not answer our request. */
async function checkAnswer(
  url: URL,
  { head, key, protocols }: { head: HttpHead; key: string; protocols: readonly string[] },
): Promise<string> {
  const place = redactUrl(url);
  const fail = (what: string) =>
    new AppError("handshake_failed", `${place} answered 101 but ${what}`, {
      hint: "Something between here and the job is no WebSocket server, or answers from a cache",
      details: { status: 101, url: place },
    });
  if (!headerHasToken(head, "upgrade", "websocket")) throw fail("without `Upgrade: websocket`");
  if (!headerHasToken(head, "connection", "upgrade")) throw fail("without `Connection: Upgrade`");
  const accept = headerValue(head, "sec-websocket-accept");
  if (accept === undefined) throw fail("without Sec-WebSocket-Accept");
  if (accept !== await acceptFor(key)) throw fail("with a Sec-WebSocket-Accept that does not fit the request");
  const extensions = headerValue(head, "sec-websocket-extensions");
  if (extensions) throw fail(`chose the extension ${JSON.stringify(oneLine(extensions, 60))}, which was not offered`);
  const protocol = headerValue(head, "sec-websocket-protocol") ?? "";
  if (protocol && !protocols.includes(protocol)) {
    throw fail(`chose the subprotocol ${JSON.stringify(oneLine(protocol, 60))}, which was not offered`);
  }
  return protocol;
}

/** As much of the body as an error needs. A body that is slow in coming or cut off is told as far as it got. */
async function readBody(head: HttpHead, { source }: Transport): Promise<string> {
  const wanted = Math.min(Number(headerValue(head, "content-length") ?? MAX_BODY_BYTES), MAX_BODY_BYTES);
  const enough = () => source.buffered.length >= wanted || source.buffered.includes(10);
  const late = Promise.withResolvers<boolean>();
  using _limit = after(1000, () => late.resolve(false));
  try {
    while (!enough() && await Promise.race([source.fill(), late.promise]));
  } catch {
    // The status is what counts; the connection ends here anyway.
  }
  return new TextDecoder().decode(source.buffered.subarray(0, wanted));
}

function tooSlow(url: URL, timeoutMs: number): AppError {
  return new AppError("timeout", `${redactUrl(url)} did not answer within ${Math.round(timeoutMs / 1000)}s`, {
    hint: "Check the network; if the job is only starting, porthole connect waits for it",
    details: { url: redactUrl(url), timeoutMs },
  });
}
