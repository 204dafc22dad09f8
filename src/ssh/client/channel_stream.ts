import { AppError } from "../../base/errors.ts";
import type { ByteStream } from "../../stream/byte_stream.ts";
import type { ClientChannel, StreamDuplex } from "../ssh2_adapter.ts";

/** Reading pauses while this many bytes wait to be taken: half of the channel window that ssh2 opens (2 MiB). */
const MAX_WAITING_BYTES = 1024 * 1024;

/** One direction in: what a channel's stdout and stderr look like. */
export interface ByteReader {
  /** The next bytes, the caller's to keep, or null at the end. One call at a time. */
  read(): Promise<Uint8Array | null>;
  /** Drops all that comes from now on, so that the channel can end; `read` gives what had come, then null. */
  discard(): void;
}

/** What {@link readFrom} needs of a Node stream. */
type NodeReadable = ClientChannel | ClientChannel["stderr"];

/** The bytes of a Node stream, pulled. The stream is paused while too many wait. */
export function readFrom(readable: NodeReadable): ByteReader {
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let isEnded = false;
  let isDiscarding = false;
  let wake: (() => void) | undefined;

  readable.on("data", (bytes: Uint8Array) => {
    if (isDiscarding) return;
    waiting.push(bytes);
    waitingBytes += bytes.length;
    if (waitingBytes > MAX_WAITING_BYTES) readable.pause();
    wake?.();
  });
  const onEnd = () => {
    isEnded = true;
    wake?.();
  };
  // "close" comes without "end" when the connection breaks.
  readable.on("end", onEnd).on("close", onEnd);

  return {
    async read() {
      while (waiting.length === 0 && !isEnded) await new Promise<void>((resolve) => wake = resolve);
      const bytes = waiting.shift();
      if (bytes === undefined) return null;
      waitingBytes -= bytes.length;
      if (waitingBytes <= MAX_WAITING_BYTES && readable.isPaused()) readable.resume();
      return bytes;
    },
    discard() {
      isDiscarding = true;
      readable.resume();
      onEnd();
    },
  };
}

/** One direction out. */
export interface ByteWriter {
  /** Resolves once SSH's window and the transport took all of `bytes`. @throws AppError `tunnel_closed`. */
  write(bytes: Uint8Array): Promise<void>;
  /** Sends EOF (RFC 4254 5.3). May be called twice. */
  close(): void;
}

/** Writes to a channel with backpressure; a write that the far end will never take rejects when the channel closes. */
export function writeTo(channel: ClientChannel, transport: StreamDuplex): ByteWriter {
  let isClosed = false;
  let refuse: ((error: unknown) => void) | undefined;
  channel.on("close", () => {
    isClosed = true;
    refuse?.(new AppError("tunnel_closed", "The SSH channel closed while it was written to"));
  });
  return {
    async write(bytes) {
      if (isClosed) throw new AppError("tunnel_closed", "Cannot write: the SSH channel is closed");
      await new Promise<void>((resolve, reject) => {
        refuse = reject;
        channel.write(bytes, (error?: Error | null) => error ? reject(error) : resolve());
      });
      refuse = undefined;
      // ssh2 writes to its transport without asking: what it has not sent yet would pile up there.
      await transport.whenDrained();
    },
    close() {
      if (!isClosed) channel.end();
    },
  };
}

/** A channel without exit status and stderr, `direct-tcpip` or a subsystem, as a ByteStream that owns it. */
export function channelStream(channel: ClientChannel, transport: StreamDuplex): ByteStream {
  const reader = readFrom(channel);
  const writer = writeTo(channel, transport);
  channel.stderr?.resume();
  let isDisposed = false;
  return {
    read: () => isDisposed ? Promise.resolve(null) : reader.read(),
    write: (bytes) => writer.write(bytes),
    closeWrite() {
      writer.close();
      return Promise.resolve();
    },
    [Symbol.dispose]() {
      if (isDisposed) return;
      isDisposed = true;
      reader.discard();
      channel.close();
    },
  };
}
