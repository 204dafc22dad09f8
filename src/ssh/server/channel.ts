import { Buffer } from "node:buffer";
import { AppError } from "../../base/errors.ts";
import type { ByteStream } from "../../stream/byte_stream.ts";
import type { ServerChannel } from "../ssh2_adapter.ts";
import { INITIAL_WINDOW_BYTES, windowBytes } from "./channel_window.ts";
import { endForBreach } from "./message_order.ts";
import { ReceiveQueue } from "./receive_queue.ts";
import { channelInternals, type Ssh2Channel, type Ssh2Connection } from "./ssh2_internals.ts";

/** The window is opened again once this part of it was consumed: it never runs dry, and that is seldom enough. */
const ADJUST_SHARE = 1 / 8;
/** RFC 4253 6.1: what every implementation takes. */
const MAX_PACKET_BYTES = 32 * 1024;
/** Of packets smaller than this, which some peer may insist on, so many are sent before others get their turn. */
const SMALL_PACKET_BYTES = 4096;
const SMALL_PACKETS_PER_TURN = 64;
/** SSH_EXTENDED_DATA_STDERR, RFC 4254 5.2. */
const STDERR = 1;

/**
 * One SSH channel as a {@link ByteStream}: reading opens the window again as bytes are taken, writing waits for the
 * peer's window, for the end of a key exchange and for the transport.
 */
export class SshChannel implements ByteStream {
  readonly #raw: Ssh2Channel;
  readonly #connection: Ssh2Connection;
  readonly #adjustBytes: number;
  readonly #closed = new AbortController();
  readonly #queue = new ReceiveQueue();
  #isEnded = false;
  #unacknowledged = 0;
  #reader: (() => void) | undefined;
  #writers: Array<() => void> = [];

  constructor(channel: ServerChannel, connection: Ssh2Connection) {
    this.#raw = channelInternals(channel);
    this.#connection = connection;
    this.#raw.push = (data) => this.#receive(data);
    this.#raw.on("error", () => {/* told by "close" too; without a listener it would end the process */});
    this.#raw.once("close", () => this.#markClosed());
    const window = windowBytes(connection);
    this.#adjustBytes = window * ADJUST_SHARE;
    if (window > INITIAL_WINDOW_BYTES) this.#openWindow(window - INITIAL_WINDOW_BYTES);
  }

  /** Aborted once the channel is closed, by either side or with its connection. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  async read(): Promise<Uint8Array | null> {
    while (this.#queue.isEmpty) {
      if (this.#isEnded || this.closed.aborted) return null;
      await new Promise<void>((resolve) => this.#reader = resolve);
    }
    const bytes = this.#queue.take();
    this.#unacknowledged += bytes.length;
    if (this.#unacknowledged >= this.#adjustBytes) {
      this.#openWindow(this.#unacknowledged);
      this.#unacknowledged = 0;
    }
    return bytes;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#send(bytes, (id, piece) => this.#connection._protocol.channelData(id, piece));
  }

  /** As `write`, but the peer shows it on its stderr. */
  writeStderr(bytes: Uint8Array): Promise<void> {
    return this.#send(bytes, (id, piece) => this.#connection._protocol.channelExtData(id, piece, STDERR));
  }

  closeWrite(): Promise<void> {
    this.#raw.eof();
    return Promise.resolve();
  }

  [Symbol.dispose](): void {
    this.#raw.eof();
    this.#raw.close();
    this.#markClosed();
  }

  /** The peer's number for this channel, for messages about it. */
  protected get peerId(): number {
    return this.#raw.outgoing.id;
  }

  protected get isWritable(): boolean {
    return this.#raw.outgoing.state === "open" && !this.closed.aborted;
  }

  async #send(bytes: Uint8Array, send: (id: number, piece: Uint8Array) => void): Promise<void> {
    const { outgoing } = this.#raw;
    const maxBytes = Math.max(1, Math.min(MAX_PACKET_BYTES, outgoing.packetSize));
    let small = 0;
    for (let at = 0; at < bytes.length;) {
      if (!this.#isReady) await this.#whenReady();
      const size = Math.min(bytes.length - at, outgoing.window, maxBytes);
      // stdout and stderr share the window: the other one may have taken it meanwhile.
      if (size === 0) continue;
      outgoing.window -= size;
      send(outgoing.id, Buffer.from(bytes.buffer, bytes.byteOffset + at, size));
      at += size;
      if (size < SMALL_PACKET_BYTES && ++small % SMALL_PACKETS_PER_TURN === 0) await shortPause();
    }
  }

  /** Whether a packet can be sent right now without anything piling up. */
  get #isReady(): boolean {
    const { _protocol: protocol, _sock: transport } = this.#connection;
    const isBlocked = transport.isCongested || protocol._kexinit !== undefined || this.#raw.outgoing.window === 0;
    return this.isWritable && !isBlocked;
  }

  /** @throws AppError `tunnel_closed`. */
  async #whenReady(): Promise<void> {
    const { _protocol: protocol, _sock: transport } = this.#connection;
    while (!this.#isReady) {
      if (!this.isWritable) throw new AppError("tunnel_closed", "The SSH channel was closed by the other side");
      if (transport.isCongested) await transport.whenDrained();
      else if (protocol._kexinit !== undefined) await this.#whenRekeyed();
      else await this.#whenWindowOpens();
    }
  }

  #whenRekeyed(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#connection.off("rekey", done);
        this.closed.removeEventListener("abort", done);
        resolve();
      };
      this.#connection.on("rekey", done);
      this.closed.addEventListener("abort", done);
    });
  }

  #whenWindowOpens(): Promise<void> {
    return new Promise((resolve) => {
      this.#writers.push(resolve);
      this.#raw._chunkcb = () => this.#wakeWriters();
      this.#raw._waitWindow = true;
    });
  }

  #wakeWriters(): void {
    const writers = this.#writers;
    this.#writers = [];
    for (const resume of writers) resume();
  }

  /** Stands in for `push` of ssh2's stream; false tells ssh2 to leave the window to us. */
  #receive(data: Uint8Array | null): boolean {
    if (data === null) {
      if (!this.#isEnded) {
        this.#isEnded = true;
        // Without this event ssh2 waits for a reader that it does not have before it tells of the close.
        this.#raw.emit("end");
      }
    } else if (this.#raw.incoming.window < 0) {
      // What it sends beyond its window would have to be kept without a limit (RFC 4254 5.2).
      endForBreach(this.#connection, "The client sent more on a channel than it was allowed to");
    } else if (data.length > 0) {
      this.#queue.push(data);
    }
    this.#reader?.();
    return false;
  }

  #openWindow(bytes: number): void {
    const { incoming, outgoing } = this.#raw;
    if (incoming.state !== "open" || outgoing.state === "closing" || outgoing.state === "closed") return;
    incoming.window += bytes;
    this.#connection._protocol.channelWindowAdjust(outgoing.id, bytes);
  }

  #markClosed(): void {
    this.#closed.abort(new AppError("tunnel_closed", "The SSH channel was closed"));
    this.#reader?.();
    this.#wakeWriters();
  }
}

/** A timer's 2 ms, not a turn alone: what such a client costs is far more than what it gets. */
function shortPause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
