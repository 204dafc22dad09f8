import { pump } from "../stream/pump.ts";
import { dialTcp, streamFromConn, type TcpAddress } from "../stream/tcp.ts";
import { makeAuthority, type TestAuthority, type TlsIdentity } from "./certificates.ts";
import type { CertificateFlaw, FaultSet } from "./faults.ts";
import { closeQuietly } from "./port.ts";

/** Options of {@link TlsFront}. */
export interface TlsFrontOptions {
  readonly faults: FaultSet;
  /** Owns the connection; what it throws closes it. */
  serve(conn: Deno.TlsConn, remote: TcpAddress): Promise<void>;
}

/**
 * Ends TLS for a port, with a good certificate or a flawed one as the faults say.
 *
 * Deno ends TLS for whole listeners alone, so that each certificate has one of its own behind the port, on loopback.
 */
export class TlsFront implements AsyncDisposable {
  readonly #options: TlsFrontOptions;
  readonly #authority: TestAuthority;
  readonly #listeners = new Map<CertificateFlaw | "good", Deno.TlsListener>();
  readonly #work = new Set<Promise<void>>();
  readonly #open = new Set<Disposable>();

  private constructor(options: TlsFrontOptions, authority: TestAuthority) {
    this.#options = options;
    this.#authority = authority;
  }

  /** Makes the certificates. */
  static async make(options: TlsFrontOptions): Promise<TlsFront> {
    return new TlsFront(options, await makeAuthority());
  }

  /** PEM of the authority to trust. */
  get authority(): string {
    return this.#authority.certificate;
  }

  /** Serves one connection of the port. */
  async accept(conn: Deno.TcpConn): Promise<void> {
    const fault = this.#options.faults.take("bad-certificate");
    const { port } = (await this.#listener(fault ? fault.flaw ?? "untrusted" : "good")).addr;
    const outer = streamFromConn(conn);
    const inner = await dialTcp({ hostname: "127.0.0.1", port });
    this.#open.add(outer);
    await pump(outer, inner).catch(() => {/* one of both ends has left, which closes the other */});
    this.#open.delete(outer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#listeners.values()) listener.close();
    for (const stream of this.#open) stream[Symbol.dispose]();
    await Promise.allSettled(this.#work);
  }

  async #listener(which: CertificateFlaw | "good"): Promise<Deno.TlsListener> {
    const identity = which === "good" ? this.#authority.good : await this.#authority.flawed(which);
    return this.#listeners.get(which) ?? this.#listen(which, identity);
  }

  #listen(which: CertificateFlaw | "good", { cert, key }: TlsIdentity): Deno.TlsListener {
    const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
    this.#listeners.set(which, listener);
    this.#track(this.#serveAll(listener));
    return listener;
  }

  async #serveAll(listener: Deno.TlsListener): Promise<void> {
    for (;;) {
      let conn: Deno.TlsConn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        continue;
      }
      this.#track(this.#serve(conn));
    }
  }

  async #serve(conn: Deno.TlsConn): Promise<void> {
    try {
      await conn.handshake();
      await this.#options.serve(conn, conn.remoteAddr as Deno.NetAddr);
    } catch {
      // The client did not like the certificate, which is what was to be seen, or has left.
      closeQuietly(conn);
    }
  }

  #track(work: Promise<void>): void {
    this.#work.add(work);
    work.finally(() => this.#work.delete(work));
  }
}
