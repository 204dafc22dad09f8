import { AppError, describeError } from "../base/errors.ts";
import { after, every } from "../base/every.ts";
import { oneLine } from "../base/printable.ts";
import type { ByteSource } from "./buffered_source.ts";
import type { ByteStream } from "./byte_stream.ts";
import { type CloseInfo, FrameDecoder, parseClosePayload } from "./websocket_decoder.ts";
import { OPCODE } from "./websocket_frame.ts";
import { WebSocketReceiver } from "./websocket_receiver.ts";
import { type ByteSink, WebSocketSender } from "./websocket_sender.ts";

/** Two unanswered pings and the far side counts as gone: with this interval that is told within 30 s. */
export const DEFAULT_PING_INTERVAL_MS = 10_000;
/** Idle clocks of 60 s are common; this leaves room for one lost ping. */
export const MAX_PING_INTERVAL_MS = 25_000;
/** docs/wire.md: the pods end the connection above it. */
export const DEFAULT_MAX_FRAME_BYTES = 64 * 1024 * 1024;
/** docs/wire.md: what the pods send at most in one frame. */
const SERVER_FRAME_BYTES = 65_536;
/** Several SSH packets in one frame; a pipe gives 64 KiB at once, a socket more. */
const CLIENT_FRAME_BYTES = 262_144;
/** What a last close frame may take to leave. */
const LAST_FRAME_MS = 1000;

/** What a WebSocket runs on, TCP or TLS. */
export interface WebSocketTransport extends ByteSource, ByteSink {
  close(): void;
}

/** Options of {@link WebSocketStream}. */
export interface WebSocketStreamOptions {
  readonly role: "client" | "server";
  /** What came behind the handshake. */
  readonly buffered?: Uint8Array | undefined;
  /** Sent before the first frame: the server's 101. */
  readonly prefix?: Uint8Array | undefined;
  /** The subprotocol both agreed on; empty for none. */
  readonly protocol?: string;
  /** How often to ping, at most every 25 s; 0 never pings, as the pods of docs/wire.md do. */
  readonly pingIntervalMs?: number;
  /** How many pings without any sign of life end the connection; 0 waits for ever. Needs pings. */
  readonly maxMissedPongs?: number;
  readonly maxFrameBytes?: number;
}

/**
 * An open WebSocket as plain bytes: binary frames, message boundaries without meaning (RFC 6455, docs/wire.md).
 *
 * Pings are answered and sent whatever the consumer does, as long as its two buffers (256 KiB each) are not full.
 * Half-close: `closeWrite` sends the close frame and reading goes on until the far side's; a far side that closes ends
 * the reading while writing stays possible until `closeWrite`, which answers it. A server ends by an empty close frame.
 */
export class WebSocketStream implements ByteStream {
  /** The subprotocol both agreed on; empty for none. */
  readonly protocol: string;
  readonly #transport: WebSocketTransport;
  readonly #role: "client" | "server";
  readonly #receiver: WebSocketReceiver;
  readonly #sender: WebSocketSender;
  readonly #timer: Disposable | undefined;
  #closeInfo: CloseInfo | undefined;
  #failure: AppError | undefined;
  #isDisposed = false;
  #hasPinged = false;
  #missedPongs = 0;
  #receivedAtLastPing = 0;
  #sentAtLastPing = 0;

  constructor(transport: WebSocketTransport, {
    role,
    buffered,
    prefix,
    protocol = "",
    pingIntervalMs = DEFAULT_PING_INTERVAL_MS,
    maxMissedPongs = 2,
    maxFrameBytes = DEFAULT_MAX_FRAME_BYTES,
  }: WebSocketStreamOptions) {
    this.protocol = protocol;
    this.#transport = transport;
    this.#role = role;
    const decoder = new FrameDecoder({
      role,
      maxFrameBytes,
      onControl: (opcode, payload) => this.#onControl(opcode, payload),
    });
    this.#receiver = new WebSocketReceiver({
      source: transport,
      buffered,
      decode: (bytes) => this.#decode(decoder, bytes),
      isEnded: () => this.#closeInfo !== undefined,
      onSocketEnd: () => this.#onSocketEnd(decoder),
    });
    this.#sender = new WebSocketSender({
      sink: transport,
      isMasked: role === "client",
      maxFrameBytes: Math.min(maxFrameBytes, role === "client" ? CLIENT_FRAME_BYTES : SERVER_FRAME_BYTES),
      prefix,
    });
    if (pingIntervalMs > 0 && Number.isFinite(pingIntervalMs)) {
      this.#timer = every(Math.min(pingIntervalMs, MAX_PING_INTERVAL_MS), () => this.#tick(maxMissedPongs));
    }
  }

  /** How the far side closed, once it has; code 1006 when the socket ended without a close frame. */
  get closeInfo(): CloseInfo | undefined {
    return this.#closeInfo;
  }

  /**
   * The next payload bytes as they arrived, null at the far side's close frame or the socket's end between frames.
   *
   * @throws AppError `tunnel_closed` when the connection broke or the far side went silent, `protocol` for bad frames
   */
  async read(): Promise<Uint8Array | null> {
    try {
      return await this.#receiver.read();
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** Settles when nothing more arrives, though what has arrived may not all have been read; never rejects. */
  get stopped(): Promise<void> {
    return this.#receiver.stopped;
  }

  /** Makes the bytes that the last `read` gave last for good, beyond the next `read`. */
  keepLast(): void {
    this.#receiver.keepLast();
  }

  /** Sends `bytes`. @throws AppError `tunnel_closed` when the connection is gone or this side has closed. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#isDisposed || this.#sender.isClosed) {
      throw new AppError("tunnel_closed", "Cannot write to a WebSocket that this side has closed");
    }
    if (bytes.length === 0) return;
    try {
      await this.#sender.send(bytes);
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** Sends the close frame, once. A connection that is already gone is as closed as it can be: that is no error. */
  async closeWrite(): Promise<void> {
    await this.#sendClose(this.#ownClosePayload());
  }

  /** Closes politely: the close frame, then what the far side still sends is dropped until its own, `graceMs` at most. */
  async close({ graceMs = 2000 }: { readonly graceMs?: number } = {}): Promise<void> {
    const late = Promise.withResolvers<void>();
    using _limit = after(graceMs, late.resolve);
    try {
      await Promise.race([this.closeWrite().then(() => this.#drain()), late.promise]);
    } finally {
      this[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    // RFC 6455 5.5.1: a close frame is answered by one.
    const owesClose = this.#closeInfo !== undefined && this.#closeInfo.code !== 1006 && !this.#sender.isClosed;
    if (owesClose) this.#releaseWithClose(this.#ownClosePayload());
    else this.#release();
    this.#receiver.stop();
  }

  async #drain(): Promise<void> {
    try {
      while (await this.#receiver.read() !== null);
    } catch {
      // It broke while it was being closed: closed it is.
    }
  }

  /** Ends everything with `failure`: readers and writers get it, and the far side a last close frame if it can be sent. */
  #fail(failure: AppError): void {
    if (this.#failure || this.#isDisposed) return;
    this.#failure = failure;
    this.#receiver.stop(failure);
    const code = failure.details?.closeCode;
    if (typeof code !== "number") return this.#release();
    this.#releaseWithClose(new Uint8Array([code >> 8, code & 0xff]));
  }

  /** Gives the close frame a moment to leave. */
  #releaseWithClose(payload: Uint8Array): void {
    const limit = after(LAST_FRAME_MS, () => this.#release());
    this.#sendClose(payload).finally(() => {
      limit[Symbol.dispose]();
      this.#release();
    });
  }

  #release(): void {
    this.#timer?.[Symbol.dispose]();
    this.#sender.stop();
    try {
      this.#transport.close();
    } catch {
      // Closed before: which is what was wanted.
    }
  }

  #decode(decoder: FrameDecoder, bytes: Uint8Array): Uint8Array {
    try {
      return decoder.decode(bytes);
    } catch (error) {
      const failure = this.#broken(error);
      this.#fail(failure);
      throw failure;
    }
  }

  #onControl(opcode: number, payload: Uint8Array): void {
    if (opcode === OPCODE.close) this.#closeInfo = this.#readClose(payload);
    // A pong that cannot be sent means that the socket is gone, which the reader notices by itself.
    else if (opcode === OPCODE.ping) this.#sender.pong(payload).catch(() => {});
  }

  /** A server takes any close frame as the end (docs/wire.md); a client insists on one that makes sense. */
  #readClose(payload: Uint8Array): CloseInfo {
    try {
      return parseClosePayload(payload);
    } catch (error) {
      if (this.#role === "client") throw error;
      return { code: 1002, reason: "" };
    }
  }

  #onSocketEnd(decoder: FrameDecoder): void {
    if (!decoder.isBetweenFrames) {
      throw new AppError("tunnel_closed", "The connection was cut in the middle of a WebSocket frame");
    }
    this.#closeInfo = { code: 1006, reason: "" };
  }

  #tick(maxMissedPongs: number): void {
    const { bytesReceived, isPaused } = this.#receiver;
    const { bytesSent } = this.#sender;
    const hasMoved = bytesReceived !== this.#receivedAtLastPing ||
      (this.#sender.isPingDue && bytesSent !== this.#sentAtLastPing);
    // While our own consumer holds reading up, an answer may lie in the socket unread: silence proves nothing then.
    if (hasMoved) this.#missedPongs = 0;
    else if (this.#hasPinged && !isPaused) this.#missedPongs++;
    this.#receivedAtLastPing = bytesReceived;
    this.#sentAtLastPing = bytesSent;
    if (maxMissedPongs > 0 && this.#missedPongs >= maxMissedPongs) {
      return this.#fail(
        new AppError("tunnel_closed", `The far side has not answered ${maxMissedPongs} pings: it is gone`),
      );
    }
    this.#hasPinged = true;
    this.#sender.ping().catch(() => {/* the socket is gone, which the reader notices by itself */});
  }

  #ownClosePayload(): Uint8Array {
    const code = this.#closeInfo?.code;
    if (this.#role === "server" || code === 1005) return new Uint8Array(0);
    const answer = code === undefined || code === 1006 ? 1000 : code;
    return new Uint8Array([answer >> 8, answer & 0xff]);
  }

  async #sendClose(payload: Uint8Array): Promise<void> {
    try {
      await this.#sender.close(payload);
    } catch {
      // The socket is gone: there is nobody left to tell.
    }
  }

  #broken(error: unknown): AppError {
    if (this.#failure) return this.#failure;
    if (error instanceof AppError) return error;
    return new AppError("tunnel_closed", `The connection broke: ${oneLine(describeError(error))}`, { cause: error });
  }
}
