import { AppError } from "../base/errors.ts";
import { headerValue, type HttpHead } from "./http_head.ts";
import { acceptFor, chooseProtocol } from "./websocket_handshake.ts";
import { WebSocketStream, type WebSocketStreamOptions, type WebSocketTransport } from "./websocket_stream.ts";

/** Options of {@link acceptWebSocket}. */
export interface AcceptWebSocketOptions
  extends Pick<WebSocketStreamOptions, "buffered" | "pingIntervalMs" | "maxMissedPongs" | "maxFrameBytes"> {
  /** The subprotocols this server speaks, the best first. */
  readonly protocols?: readonly string[];
}

const BAD_REQUEST = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

/**
 * Answers an upgrade request with 101 and takes the connection over (docs/wire.md: no version, origin or auth check).
 *
 * The 101 leaves with the first frame if that is written in the same turn of the event loop, else by itself.
 * `buffered` is what was read behind the request's head. The stream owns `transport` from here on.
 * @throws AppError `handshake_failed` without a Sec-WebSocket-Key, once 400 was answered and the connection closed.
 */
export async function acceptWebSocket(
  transport: WebSocketTransport,
  request: HttpHead,
  { protocols = [], ...options }: AcceptWebSocketOptions = {},
): Promise<WebSocketStream> {
  const key = headerValue(request, "sec-websocket-key");
  if (!key) {
    await refuse(transport);
    throw new AppError("handshake_failed", "A WebSocket request came without a Sec-WebSocket-Key: answered with 400");
  }
  const protocol = chooseProtocol(request, protocols);
  const answer = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${await acceptFor(key)}`,
    ...(protocol ? [`Sec-WebSocket-Protocol: ${protocol}`] : []),
  ];
  const prefix = new TextEncoder().encode(`${answer.join("\r\n")}\r\n\r\n`);
  return new WebSocketStream(transport, { ...options, role: "server", prefix, protocol });
}

async function refuse(transport: WebSocketTransport): Promise<void> {
  try {
    await transport.write(new TextEncoder().encode(BAD_REQUEST));
  } catch {
    // The client has left: nobody waits for the answer.
  } finally {
    transport.close();
  }
}
