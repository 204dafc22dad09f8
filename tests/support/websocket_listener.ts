import { BufferedSource } from "../../src/stream/buffered_source.ts";
import { type HttpHead, readHttpHead } from "../../src/stream/http_head.ts";
import { acceptWebSocket, type AcceptWebSocketOptions } from "../../src/stream/websocket_server.ts";
import { setNoDelay } from "../../src/stream/tcp.ts";
import type { WebSocketStream } from "../../src/stream/websocket_stream.ts";

/** What the test does with each connection. */
export type OnWebSocket = (stream: WebSocketStream, request: HttpHead) => Promise<void>;

/** Our own WebSocket server on a loopback port, for as long as it is not disposed. */
export class WebSocketListener implements AsyncDisposable {
  readonly #listener: Deno.Listener<Deno.Conn, Deno.NetAddr>;
  readonly #connections = new Set<Promise<void>>();
  readonly #open = new Set<Deno.Conn>();
  readonly #accepting: Promise<void>;
  readonly requests: HttpHead[] = [];
  readonly errors: unknown[] = [];

  constructor(
    onWebSocket: OnWebSocket,
    { tls, ...options }: AcceptWebSocketOptions & { readonly tls?: { cert: string; key: string } } = {},
  ) {
    const place = { hostname: "127.0.0.1", port: 0 };
    this.#listener = tls ? Deno.listenTls({ ...place, cert: tls.cert, key: tls.key }) : Deno.listen(place);
    this.#accepting = this.#accept(onWebSocket, options);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const conn of this.#open) closeQuietly(conn);
    await Promise.all(this.#connections);
  }

  async #accept(onWebSocket: OnWebSocket, options: AcceptWebSocketOptions): Promise<void> {
    try {
      for await (const conn of this.#listener) {
        const connection = this.#serve(conn, onWebSocket, options).catch((error) => {
          this.errors.push(error);
          closeQuietly(conn);
        });
        this.#connections.add(connection);
      }
    } catch {
      // Closed while it waited.
    }
  }

  async #serve(conn: Deno.Conn, onWebSocket: OnWebSocket, options: AcceptWebSocketOptions): Promise<void> {
    setNoDelay(conn);
    this.#open.add(conn);
    const source = new BufferedSource(conn);
    const request = await readHttpHead(source);
    if (!request) return conn.close();
    this.requests.push(request);
    using stream = await acceptWebSocket(conn, request, { ...options, buffered: source.buffered });
    await onWebSocket(stream, request);
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // The stream closed it.
  }
}

/** Sends everything back that comes, then closes politely. */
export async function echo(stream: WebSocketStream): Promise<void> {
  for (let bytes = await stream.read(); bytes !== null; bytes = await stream.read()) await stream.write(bytes);
  await stream.closeWrite();
}
