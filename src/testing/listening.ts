import { listenFailure } from "../stream/listen_failure.ts";
import { streamFromConn } from "../stream/tcp.ts";
import type { FaultSet } from "./faults.ts";
import { TestPort } from "./port.ts";
import type { Arrival } from "./ssh_connections.ts";
import { TlsFront } from "./tls_front.ts";
import { serveWebSocketFront } from "./websocket_front.ts";

/** Options of {@link Listening.start}. */
export interface ListeningOptions {
  readonly hostname: string;
  /** For SSH; 0 for a free one. */
  readonly port: number;
  /** For the WebSocket front; 0 for a free one. */
  readonly websocketPort: number;
  readonly hasTls: boolean;
  readonly faults: FaultSet;
  /** Serves a client until it is gone. */
  serve(arrival: Arrival): Promise<void>;
  onRequest(startLine: string, status: number): void;
}

/** The two ports of one server: SSH as it is, and SSH in a WebSocket. */
export class Listening {
  readonly #ssh: TestPort;
  readonly #websocket: TestPort;
  readonly #tls: TlsFront | undefined;

  private constructor(options: ListeningOptions, tls: TlsFront | undefined) {
    const { hostname, port, websocketPort, serve } = options;
    this.#tls = tls;
    this.#ssh = new TestPort({
      hostname,
      port,
      serve: (conn, remote) => serve({ stream: streamFromConn(conn), remote, via: "tcp" }),
    });
    try {
      this.#websocket = new TestPort({
        hostname,
        port: websocketPort,
        serve: (conn, remote) => tls ? tls.accept(conn) : serveFront(conn, { ...options, remote }),
      });
    } catch (error) {
      this.#ssh.close();
      throw error;
    }
  }

  /** Listens. @throws AppError `config_invalid` where that cannot be */
  static async start(options: ListeningOptions): Promise<Listening> {
    const tls = options.hasTls
      ? await TlsFront.make({
        faults: options.faults,
        serve: (conn, remote) => serveFront(conn, { ...options, remote }),
      })
      : undefined;
    try {
      return new Listening(options, tls);
    } catch (error) {
      throw listenFailure(error, options, "Leave the port out to take a free one, or name an address of this machine");
    }
  }

  get port(): number {
    return this.#ssh.port;
  }

  get websocketPort(): number {
    return this.#websocket.port;
  }

  /** PEM of the authority behind the front's certificate; undefined without TLS. */
  get tlsAuthority(): string | undefined {
    return this.#tls?.authority;
  }

  /** Lets nobody connect until {@link accept}, at the latest when it resolves; who is connected stays so. */
  async refuse(): Promise<void> {
    await Promise.all([this.#ssh.close(), this.#websocket.close()]);
  }

  accept(): void {
    this.#ssh.open();
    this.#websocket.open();
  }

  /** Closes both ports and what is open on them. */
  async close(): Promise<void> {
    await this.#tls?.[Symbol.asyncDispose]();
    await Promise.all([this.#ssh.closed(), this.#websocket.closed()]);
  }
}

async function serveFront(
  conn: Deno.Conn,
  { remote, faults, serve, onRequest }: ListeningOptions & { remote: Arrival["remote"] },
): Promise<void> {
  await serveWebSocketFront(conn, {
    remote,
    faults,
    onRequest,
    accept: (stream) => serve({ stream, remote, via: "websocket" }),
  });
}
