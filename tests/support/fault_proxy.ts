import { BufferedSource } from "../../src/stream/buffered_source.ts";

/** Which way bytes go: from whoever connected, or to them. */
export type Way = "up" | "down";

/** What happens to one connection. Counts are of bytes taken in, each way for itself. */
export type Fault =
  /** Closes both sides, as a proxy that is restarted does. */
  | { readonly kind: "cut"; readonly way: Way; readonly atByte: number }
  /** As `cut`, but with RST in place of FIN where the system lets us: unread bytes are there to make it one. */
  | { readonly kind: "reset"; readonly way: Way; readonly atByte: number }
  /** Passes nothing on any more, one way or both, and closes nothing: a path that is silently dead. */
  | { readonly kind: "stall"; readonly way: Way | "both"; readonly atByte: number }
  /** Waits so long, once. */
  | { readonly kind: "delay"; readonly way: Way; readonly atByte: number; readonly ms: number }
  /** Ends one direction alone. */
  | { readonly kind: "half-close"; readonly way: Way; readonly atByte: number };

/** What is done to a connection. */
export interface ConnectionPlan {
  readonly faults?: readonly Fault[];
  /** Each way; no limit if not given. */
  readonly bytesPerSecond?: number;
  /** Added to each piece, each way. */
  readonly latencyMs?: number;
  /** Closed as soon as it is taken. */
  readonly isRefused?: boolean;
}

/** Options of {@link FaultProxy}. */
export interface FaultProxyOptions {
  readonly target: { readonly hostname: string; readonly port: number };
  /** What happens to connection number `index`, counted from 0; nothing unless given. */
  readonly plan?: (index: number) => ConnectionPlan;
}

const READ_BYTES = 65_536;

/**
 * A TCP proxy on a loopback port that misbehaves as it is told. Nothing is reordered, changed or sent twice.
 *
 * Besides the plan it can cut or stall all that is open at any moment, and be taken down and up again.
 */
export class FaultProxy implements AsyncDisposable {
  readonly #options: FaultProxyOptions;
  readonly #open = new Set<Relay>();
  readonly #done = new Set<Promise<void>>();
  #listener: Deno.TcpListener;
  #accepting: Promise<void>;
  #port: number;
  #count = 0;
  /** How many connections were taken. */
  get connectionCount(): number {
    return this.#count;
  }

  constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.#port = options.target.port;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accepting = this.#accept(this.#listener);
    this.port = this.#listener.addr.port;
  }

  readonly port: number;

  get openCount(): number {
    return this.#open.size;
  }

  /** Bytes passed on so far by all connections, both ways. */
  bytesPassed = 0;

  /** Cuts all connections that are open. */
  cutAll(kind: "cut" | "reset" = "cut"): void {
    for (const relay of [...this.#open]) relay.cut(kind);
  }

  /** Connections from now on lead to another port of the same host. */
  turnTo(port: number): void {
    this.#port = port;
  }

  /** From now on passes nothing on for connections that are open, and keeps them open. */
  stallAll(): void {
    for (const relay of this.#open) relay.stall("both");
  }

  /** Refuses new connections and cuts the open ones, as a proxy that was killed does. */
  async goDown(): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    this.cutAll();
  }

  /** Listens again on the same port. */
  comeBack(): void {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
    this.#accepting = this.#accept(this.#listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#listener.close();
    } catch {
      // It was down.
    }
    await this.#accepting;
    this.cutAll();
    await Promise.all(this.#done);
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    try {
      for await (const conn of listener) {
        const done = this.#relay(conn).catch(() => {/* one of both sides has gone: the relay is over */});
        this.#done.add(done);
        done.finally(() => this.#done.delete(done));
      }
    } catch {
      // Closed while it waited.
    }
  }

  async #relay(client: Deno.TcpConn): Promise<void> {
    const index = this.#count++;
    const plan = this.#options.plan?.(index) ?? {};
    if (plan.isRefused) return client.close();
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect({ hostname: this.#options.target.hostname, port: this.#port });
    } catch {
      return client.close();
    }
    const relay = new Relay({ client, server, plan, onBytes: (count) => this.bytesPassed += count });
    this.#open.add(relay);
    await relay.run();
    this.#open.delete(relay);
  }
}

interface RelayParts {
  readonly client: Deno.TcpConn;
  readonly server: Deno.TcpConn;
  readonly plan: ConnectionPlan;
  readonly onBytes: (count: number) => void;
}

/** One connection through the proxy. */
class Relay {
  readonly #parts: RelayParts;
  readonly #over = new AbortController();
  readonly #stalled: Record<Way, boolean> = { up: false, down: false };

  constructor(parts: RelayParts) {
    this.#parts = parts;
    for (const conn of [parts.client, parts.server]) conn.setNoDelay(true);
  }

  async run(): Promise<void> {
    const { client, server } = this.#parts;
    await Promise.allSettled([this.#pass("up", client, server), this.#pass("down", server, client)]);
    this.cut("cut");
  }

  cut(kind: "cut" | "reset"): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    const { client, server } = this.#parts;
    // Closing with unread bytes in the socket's buffer resets the connection; `cut` reads nothing either, so the
    // difference is only whether what has been read is passed on, which it is not for both.
    for (const conn of kind === "reset" ? [server, client] : [client, server]) closeQuietly(conn);
  }

  stall(way: Way | "both"): void {
    if (way !== "down") this.#stalled.up = true;
    if (way !== "up") this.#stalled.down = true;
  }

  async #pass(way: Way, from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const { plan, onBytes } = this.#parts;
    const faults = (plan.faults ?? []).filter((fault) => fault.way === way || fault.way === "both")
      .toSorted((a, b) => a.atByte - b.atByte);
    const source = new BufferedSource(from);
    let total = 0;
    while (!this.#over.signal.aborted) {
      if (source.buffered.length === 0 && !await source.fill()) break;
      const next = faults[0];
      const untilFault = next ? Math.max(0, next.atByte - total) : Infinity;
      const piece = source.buffered.slice(0, Math.min(untilFault, READ_BYTES));
      if (piece.length > 0) {
        await this.#slowDown(piece.length);
        if (this.#stalled[way]) await this.#whenOver();
        await writeAll(to, piece);
        source.consume(piece.length);
        total += piece.length;
        onBytes(piece.length);
      }
      if (next && total >= next.atByte) {
        faults.shift();
        if (await this.#commit(next, to)) return;
      }
    }
    await to.closeWrite();
  }

  /** Does what `fault` says. True if its direction is over. */
  async #commit(fault: Fault, to: Deno.TcpConn): Promise<boolean> {
    switch (fault.kind) {
      case "cut":
      case "reset":
        this.cut(fault.kind);
        return true;
      case "stall":
        this.stall(fault.way);
        return false;
      case "delay":
        await this.#sleep(fault.ms);
        return false;
      case "half-close":
        await to.closeWrite();
        return true;
    }
  }

  async #slowDown(bytes: number): Promise<void> {
    const { bytesPerSecond, latencyMs = 0 } = this.#parts.plan;
    const ms = latencyMs + (bytesPerSecond ? bytes / bytesPerSecond * 1000 : 0);
    if (ms > 0) await this.#sleep(ms);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const stop = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#over.signal.removeEventListener("abort", stop);
        resolve();
      }, ms);
      this.#over.signal.addEventListener("abort", stop, { once: true });
    });
  }

  #whenOver(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#over.signal.aborted) resolve();
      this.#over.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Closed by its other direction.
  }
}
