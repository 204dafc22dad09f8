import { orAbort } from "../../base/abort.ts";
import { readAttributes, type SftpAttributes } from "./attributes.ts";
import { expectOk, expectType, expectTypeOrEnd, type SftpConnection } from "./client_connection.ts";
import { named } from "./client_error.ts";
import { type ByteSink, type ByteSource, readBlocks, type TransferOptions, writeBlocks } from "./client_transfer.ts";
import { Extension, PacketType } from "./protocol.ts";

/** What a {@link RemoteFile} needs to know. */
export interface RemoteFileOptions {
  readonly path: string;
  readonly handle: Uint8Array;
  /** The most bytes of one READ and WRITE. */
  readonly maxReadBytes: number;
  readonly maxWriteBytes: number;
  readonly extensions: ReadonlyMap<string, string>;
}

/** Length, type, number, position and two lengths: what stands before the data of a WRITE, without the handle. */
const WRITE_HEADER_BYTES = 25;

/** A file that is open on the far side. Failures are AppErrors that name it. Close it: dispose does, without waiting. */
export class RemoteFile implements AsyncDisposable {
  readonly path: string;
  readonly maxReadBytes: number;
  readonly maxWriteBytes: number;
  readonly #connection: SftpConnection;
  readonly #handle: Uint8Array;
  readonly #extensions: ReadonlyMap<string, string>;
  #isClosed = false;

  constructor(connection: SftpConnection, options: RemoteFileOptions) {
    this.#connection = connection;
    this.#handle = options.handle;
    this.#extensions = options.extensions;
    this.path = options.path;
    this.maxReadBytes = options.maxReadBytes;
    this.maxWriteBytes = options.maxWriteBytes;
  }

  /** Up to `length` bytes at `position`, one request; null at the end of the file. */
  read(position: number, length: number): Promise<Uint8Array | null> {
    const fields = [{ string: this.#handle }, { u64: position }, { u32: length }];
    return this.#named(
      "read",
      this.#connection.request(
        PacketType.read,
        fields,
        (reply) => expectTypeOrEnd(reply, PacketType.data)?.bytes().slice() ?? null,
      ),
    );
  }

  /** Room for one WRITE whose data the caller puts in place, at most `maxWriteBytes`, to be sent by {@link sendWrite}. */
  prepareWrite(length: number): { readonly packet: Uint8Array; readonly data: Uint8Array } {
    const headerBytes = WRITE_HEADER_BYTES + this.#handle.length;
    const packet = new Uint8Array(headerBytes + length);
    return { packet, data: packet.subarray(headerBytes) };
  }

  /** Sends the first `length` bytes of what {@link prepareWrite} made room for, which is not the caller's any more. */
  sendWrite(packet: Uint8Array, { position, length }: { position: number; length: number }): Promise<void> {
    const id = this.#connection.takeId();
    const handleLength = this.#handle.length;
    const whole = packet.subarray(0, WRITE_HEADER_BYTES + handleLength + length);
    const view = new DataView(whole.buffer, whole.byteOffset);
    view.setUint32(0, whole.length - 4);
    view.setUint8(4, PacketType.write);
    view.setUint32(5, id);
    view.setUint32(9, handleLength);
    whole.set(this.#handle, 13);
    view.setBigUint64(13 + handleLength, BigInt(position));
    view.setUint32(21 + handleLength, length);
    return this.#named("write", this.#connection.send(id, whole, expectOk));
  }

  stat(): Promise<SftpAttributes> {
    const asked = this.#connection.request(
      PacketType.fstat,
      [{ string: this.#handle }],
      (reply) => readAttributes(expectType(reply, PacketType.attrs)),
    );
    return this.#named("stat", asked);
  }

  /** A size cuts or extends the file. */
  setAttributes(attributes: SftpAttributes): Promise<void> {
    const fields = [{ string: this.#handle }, { attributes }];
    return this.#named("set the attributes of", this.#connection.request(PacketType.fsetstat, fields, expectOk));
  }

  /** Asks for the data to be on the far disk. False when the server has no way to say so. */
  async sync(): Promise<boolean> {
    if (!this.#extensions.has(Extension.fsync)) return false;
    const fields = [{ string: Extension.fsync }, { string: this.#handle }];
    await this.#named("sync", this.#connection.request(PacketType.extended, fields, expectOk));
    return true;
  }

  /** The bytes from `startAt` to the end, in order, with many requests under way. The arrays are the caller's. */
  blocks(options: TransferOptions = {}): AsyncGenerator<Uint8Array, void> {
    return readBlocks(this, options);
  }

  /** Writes the bytes from `startAt` to the end into `sink`, in order; resolves with how many. */
  async readTo(sink: ByteSink, options: TransferOptions = {}): Promise<number> {
    const { startAt = 0, onProgress } = options;
    let doneBytes = 0;
    for await (const block of this.blocks(options)) {
      for (let at = 0; at < block.length;) at += await sink.write(block.subarray(at));
      doneBytes += block.length;
      onProgress?.(startAt + doneBytes);
    }
    return doneBytes;
  }

  /** Writes all of `source` from `startAt` on, with many requests under way; resolves with how many bytes. */
  writeFrom(source: ByteSource, options: TransferOptions = {}): Promise<number> {
    return writeBlocks(this, source, options);
  }

  /** Closes; what the far side could not write until now may show here. */
  async close({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const closing = this.#connection.request(PacketType.close, [{ string: this.#handle }], expectOk);
    await orAbort(this.#named("close", closing), signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    // Not waited for: after a failure the far side may never answer. The server closes it with the session at the latest.
    this.close().catch(() => {/* whoever cares about the result calls close */});
    return Promise.resolve();
  }

  #named<T>(what: string, work: Promise<T>): Promise<T> {
    return named(what, this.path, work);
  }
}
