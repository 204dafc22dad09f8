import type { ByteStream } from "../../stream/byte_stream.ts";
import type { TcpAddress } from "../../stream/tcp.ts";
import type { ServerSession, SessionRequest } from "./session.ts";

/** Something that a client asks for and that can be refused. */
export type Permission =
  | SessionRequest
  /** A channel for a session, before anything is asked of it (RFC 4254 6.1). */
  | { readonly kind: "session" }
  | { readonly kind: "pty" }
  | { readonly kind: "env"; readonly name: string }
  | { readonly kind: "agent" };

/** A socket that listens for a client until it is disposed. */
export interface RemoteListener extends Disposable {
  /** Where it really listens: the port chosen for port 0. */
  readonly port: number;
}

/**
 * What a server does for one logged-in client. What is left out is refused.
 *
 * A handler that throws ends what it was asked for and nothing else; the server goes on.
 */
export interface ConnectionHandlers {
  /** Whether something may be asked for at all; all of it by default. */
  allow?(permission: Permission): boolean;
  /** Runs what `session.setup.request` asks; the session is closed with status 255 if this ends without an exit. */
  session?(session: ServerSession): Promise<void> | void;
  /** Dials for `-L`, `-D` and `-W` (RFC 4254 7.2). The returned stream is owned by the server. */
  directTcp?(target: TcpAddress, options: { origin: TcpAddress; signal: AbortSignal }): Promise<ByteStream>;
  /** Dials a unix socket (PROTOCOL 2.4 of OpenSSH). */
  directUnix?(path: string, options: { signal: AbortSignal }): Promise<ByteStream>;
  /** Listens for `-R` (RFC 4254 7.1); hands every connection to `accept`, which owns it from then on. */
  listenTcp?(address: TcpAddress, accept: (stream: ByteStream, origin: TcpAddress) => void): Promise<RemoteListener>;
  /** Listens on a unix socket for `-R`. */
  listenUnix?(path: string, accept: (stream: ByteStream) => void): Promise<Disposable>;
}
