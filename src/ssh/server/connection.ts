import { AppError } from "../../base/errors.ts";
import type { ByteStream } from "../../stream/byte_stream.ts";
import type { StreamDuplex } from "../ssh2_adapter.ts";
import type { TcpAddress } from "../../stream/tcp.ts";
import { sayDisconnect } from "./disconnect.ts";
import { openAgentChannel } from "./open_channel.ts";
import type { Ssh2Connection } from "./ssh2_internals.ts";

/** After a polite goodbye the transport has this long to carry it. */
const GOODBYE_MS = 1000;

/** One client's connection, from the first byte on. */
export class SshConnection implements Disposable {
  readonly #transport: StreamDuplex;
  readonly #gone = new AbortController();
  #ssh2: Ssh2Connection | undefined;
  #user: string | undefined;
  #clientVersion = "";
  #goodbye: ReturnType<typeof setTimeout> | undefined;

  constructor(transport: StreamDuplex, readonly remote: TcpAddress | undefined) {
    this.#transport = transport;
    // An error is always followed by "close"; without a listener it would end the process.
    transport.on("error", () => {});
    // What has ended its side reads no more: a client that stays would stay for ever.
    transport.once("ending", () => this.closeSoon());
    transport.once("close", () => {
      clearTimeout(this.#goodbye);
      this.#gone.abort(new AppError("tunnel_closed", "The SSH connection was closed"));
    });
  }

  /** Aborted once the connection is gone. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** The name that was logged in with; undefined until then. */
  get user(): string | undefined {
    return this.#user;
  }

  /** What the client calls itself: `OpenSSH_9.2p1`. Comes from the client: escape it before it is shown. */
  get clientVersion(): string {
    return this.#clientVersion;
  }

  /** For the server: the client said what it is. */
  identified(ssh2: Ssh2Connection, clientVersion: string): void {
    this.#ssh2 = ssh2;
    this.#clientVersion = clientVersion;
  }

  /** For the server: the client was let in. */
  loggedIn(user: string): void {
    this.#user = user;
  }

  /** A channel to the key agent that the client forwards. @throws AppError `dial_failed` when it does not. */
  openAgent(): Promise<ByteStream> {
    if (!this.#ssh2) throw new AppError("tunnel_closed", "The SSH connection is not up yet");
    return openAgentChannel(this.#ssh2);
  }

  /** Says goodbye and closes, in a second at most. */
  end(): void {
    this.#ssh2?.end();
    this.closeSoon();
  }

  /** Says `why` not, and closes, in a second at most; `reason` is a number of RFC 4253 11.1. */
  refuse(farewell: { readonly reason: number; readonly why: string }): void {
    if (this.gone.aborted) return;
    if (this.#ssh2) sayDisconnect(this.#ssh2, farewell);
    this.#transport.end();
    this.closeSoon();
  }

  /** Gives what was written a second to leave, then closes. */
  closeSoon(): void {
    if (this.gone.aborted || this.#goodbye !== undefined) return;
    this.#goodbye = setTimeout(() => this.#transport.destroy(), GOODBYE_MS);
  }

  [Symbol.dispose](): void {
    this.#transport.destroy();
  }
}
