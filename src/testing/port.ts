import type { ByteSink } from "../stream/websocket_sender.ts";
import type { ByteSource } from "../stream/buffered_source.ts";
import { setNoDelay, type TcpAddress } from "../stream/tcp.ts";

/** Options of {@link TestPort}. */
export interface OpenPortOptions {
  readonly hostname: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Serves a connection to its end; what it throws closes it. */
  serve(conn: Deno.TcpConn, remote: TcpAddress): Promise<void>;
}

/** A listening port that can be closed for a while and opened again. */
export class TestPort {
  readonly #options: OpenPortOptions;
  #listener: Deno.TcpListener | undefined;
  readonly port: number;
  readonly #open = new Map<Deno.TcpConn, Promise<void>>();
  #accepting: Promise<void> = Promise.resolve();
  /** The system's socket outlives its closing until the accept that waits on it has heard of it. */
  #isClosing = false;
  /** Opened again while it was closing. */
  #isWanted = false;

  /** Listens. @throws Deno.errors.AddrInUse and its like */
  constructor(options: OpenPortOptions) {
    this.#options = options;
    this.port = options.port;
    this.port = this.open();
  }

  /** Listens again at the port from before, at once or as soon as the system has let it go; the port's number. */
  open(): number {
    if (this.#listener) return this.port;
    if (this.#isClosing) {
      this.#isWanted = true;
      this.#accepting.then(() => this.#isWanted ? this.open() : undefined)
        .catch(() => {/* somebody else has taken the port: what clients see is a refusal still */});
      return this.port;
    }
    const { hostname } = this.#options;
    const listener = Deno.listen({ hostname, port: this.port });
    this.#listener = listener;
    this.#accepting = this.#accept(listener).finally(() => this.#isClosing = false);
    return listener.addr.port;
  }

  /** Connections are refused from now on, at the latest when the promise resolves. May be called twice. */
  close(): Promise<void> {
    this.#isWanted = false;
    if (this.#listener) {
      this.#isClosing = true;
      this.#listener.close();
      this.#listener = undefined;
    }
    return this.#accepting;
  }

  /** Closes the port and all that is open on it; resolves when it has ended. */
  async closed(): Promise<void> {
    await this.close();
    const ends = [...this.#open.values()];
    for (const conn of this.#open.keys()) closeQuietly(conn);
    await Promise.all(ends);
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    for (;;) {
      let conn: Deno.TcpConn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (this.#listener !== listener) return;
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        // One client's connection failed before it was taken, or files ran out for now.
        await new Promise((resolve) => setTimeout(resolve, 10));
        continue;
      }
      setNoDelay(conn);
      this.#open.set(conn, this.#serve(conn).finally(() => this.#open.delete(conn)));
    }
  }

  async #serve(conn: Deno.TcpConn): Promise<void> {
    try {
      await this.#options.serve(conn, conn.remoteAddr as Deno.NetAddr);
    } catch {
      // A client that left in the middle, or does not speak what is spoken here.
      closeQuietly(conn);
    }
  }
}

/** Closes a connection that may be closed already. */
export function closeQuietly(conn: { close(): void }): void {
  try {
    conn.close();
  } catch {
    // Closed by the client's leaving, or by whoever took it over.
  }
}

/** A connection that is closed when nothing went either way for `idleMs`. */
export function dropWhenIdle(conn: ByteSource & ByteSink & { close(): void }, idleMs: number) {
  let isClosed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const close = () => {
    isClosed = true;
    clearTimeout(timer);
    closeQuietly(conn);
  };
  const touch = () => {
    clearTimeout(timer);
    if (!isClosed) timer = setTimeout(close, idleMs);
  };
  const touched = async <T>(work: Promise<T>): Promise<T> => {
    const result = await work;
    touch();
    return result;
  };
  touch();
  return {
    read: (into: Uint8Array) => touched(conn.read(into)),
    write: (bytes: Uint8Array) => touched(conn.write(bytes)),
    close,
  };
}
