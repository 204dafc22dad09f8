import { BufferedSource } from "../stream/buffered_source.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { headerValue, type HttpHead, readHttpHead } from "../stream/http_head.ts";
import type { TcpAddress } from "../stream/tcp.ts";
import { isWebSocketUpgrade, newHandshakeKey } from "../stream/websocket_handshake.ts";
import { acceptWebSocket } from "../stream/websocket_server.ts";
import type { WebSocketTransport } from "../stream/websocket_stream.ts";
import { parseDuration } from "../base/duration.ts";
import type { FaultOf, FaultSet, RefusalStatus } from "./faults.ts";
import { dropWhenIdle } from "./port.ts";

/** How long a client that was answered may go on before it is closed over its head. */
const LINGER_MS = 1000;

/** Options of {@link serveWebSocketFront}. */
export interface WebSocketFrontOptions {
  readonly faults: FaultSet;
  readonly remote: TcpAddress;
  /** Serves a client's SSH until it is gone; owns the stream. */
  accept(stream: ByteStream): Promise<void>;
  onRequest(startLine: string, status: number): void;
}

const REASONS: Readonly<Record<RefusalStatus | 200, string>> = {
  200: "OK",
  301: "Moved Permanently",
  302: "Found",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  429: "Too Many Requests",
  502: "Bad Gateway",
  503: "Service Unavailable",
};
const DEFAULT_LOCATION = "https://login.invalid/";

/**
 * Serves one HTTP connection: an upgrade of any path becomes a stream for SSH, anything else is answered 200 `ok`, and
 * faults come first. Owns `conn`, and resolves when it is over.
 */
export async function serveWebSocketFront(
  conn: Deno.Conn,
  { faults, accept, onRequest }: WebSocketFrontOptions,
): Promise<void> {
  const idle = faults.take("idle-drop");
  const transport: WebSocketTransport = idle ? dropWhenIdle(conn, parseDuration(idle.after, "after")) : conn;
  const source = new BufferedSource(transport);
  const head = await readHttpHead(source);
  if (head === null) return transport.close();
  const refusal = faults.take("http-status");
  if (refusal || !isWebSocketUpgrade(head)) {
    onRequest(head.startLine, refusal?.status ?? 200);
    return await respond(transport, refusal);
  }
  onRequest(head.startLine, 101);
  const request = faults.take("wrong-accept") ? withOtherKey(head) : head;
  // The client is who pings, as with the pods that this stands for (docs/wire.md).
  await accept(await acceptWebSocket(transport, request, { buffered: source.buffered.slice(), pingIntervalMs: 0 }));
}

function withOtherKey(head: HttpHead): HttpHead {
  if (!headerValue(head, "sec-websocket-key")) return head;
  return { ...head, headers: new Map([...head.headers, ["sec-websocket-key", [newHandshakeKey()]]]) };
}

async function respond(transport: WebSocketTransport, refusal: FaultOf<"http-status"> | undefined): Promise<void> {
  const status = refusal?.status ?? 200;
  const body = new TextEncoder().encode(refusal ? refusal.body ?? `${REASONS[status]}\n` : "ok");
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status]}`,
    "Content-Type: text/plain",
    `Content-Length: ${body.length}`,
    "Connection: close",
    ...(status === 301 || status === 302 ? [`Location: ${refusal?.location ?? DEFAULT_LOCATION}`] : []),
    ...(status === 401 ? ['WWW-Authenticate: Bearer realm="porthole test"'] : []),
    ...(refusal?.retryAfter === undefined ? [] : [`Retry-After: ${refusal.retryAfter}`]),
  ];
  const head = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  const message = new Uint8Array([...head, ...body]);
  for (let at = 0; at < message.length;) at += await transport.write(message.subarray(at));
  // Closing over unread bytes would reset the connection and might take the answer with it.
  const timer = setTimeout(() => transport.close(), LINGER_MS);
  try {
    const buffer = new Uint8Array(4096);
    while (await transport.read(buffer) !== null);
  } finally {
    clearTimeout(timer);
    transport.close();
  }
}
