import { BufferedSource } from "../../src/stream/buffered_source.ts";
import { type HttpHead, readHttpHead } from "../../src/stream/http_head.ts";

/** What a test's server does with a connection; it is closed once this settles. */
export type OnConnection = (conn: Deno.Conn, index: number) => Promise<void>;

/** A server on a loopback port that does as it is told with each connection. */
export class CannedServer implements AsyncDisposable {
  readonly #listener: Deno.Listener<Deno.Conn, Deno.NetAddr>;
  readonly #open = new Set<Deno.Conn>();
  readonly #work = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  /** The heads that were read by {@link answering}. */
  readonly requests: HttpHead[] = [];
  count = 0;

  constructor(onConnection: OnConnection, { tls }: { readonly tls?: { cert: string; key: string } } = {}) {
    const place = { hostname: "127.0.0.1", port: 0 };
    // The two kinds of listener share what is used of them here.
    this.#listener = tls ? Deno.listenTls({ ...place, ...tls }) : Deno.listen(place);
    this.#accepting = this.#accept(onConnection);
  }

  /** A server that reads one request and answers with `answer(request, index)`, byte for byte. */
  static answering(
    answer: (request: HttpHead, index: number) => string,
    options: { readonly tls?: { cert: string; key: string } } = {},
  ): CannedServer {
    const server: CannedServer = new CannedServer(async (conn, index) => {
      const request = await readHttpHead(new BufferedSource(conn));
      if (!request) return;
      server.requests.push(request);
      await writeText(conn, answer(request, index));
    }, options);
    return server;
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
    await Promise.all(this.#work);
  }

  async #accept(onConnection: OnConnection): Promise<void> {
    for (;;) {
      let conn: Deno.Conn;
      try {
        conn = await this.#listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        continue; // One TLS handshake that failed does not end the server.
      }
      this.#open.add(conn);
      const work = onConnection(conn, this.count++).catch(() => {/* the client left: the test looks at the client */})
        .finally(() => {
          this.#open.delete(conn);
          closeQuietly(conn);
        });
      this.#work.add(work);
    }
  }
}

/** Writes all of `text` as Latin-1. */
export async function writeText(conn: Deno.Conn, text: string): Promise<void> {
  const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** An answer as a server writes it. */
export function httpAnswer(status: string, headers: Readonly<Record<string, string>> = {}, body = ""): string {
  const fields = Object.entries({ "Content-Length": String(body.length), ...headers });
  return `HTTP/1.1 ${status}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`;
}

function closeQuietly(conn: { close(): void }): void {
  try {
    conn.close();
  } catch {
    // Closed by the test itself.
  }
}

/** What one read gives. */
export async function readSome(conn: Deno.Conn): Promise<Uint8Array> {
  const into = new Uint8Array(4096);
  return into.subarray(0, await conn.read(into) ?? 0);
}
