import { AppError } from "../../base/errors.ts";
import type { ByteStream } from "../../stream/byte_stream.ts";
import { PacketQueue } from "./packet_queue.ts";
import { PacketSplitter } from "./packet_splitter.ts";
import { encodePacket, type Field } from "./packets.ts";
import { PacketType, SFTP_VERSION, StatusCode } from "./protocol.ts";
import { StatusError } from "./status_error.ts";
import { WireReader } from "./wire_reader.ts";

/** The longest answer taken: some servers send more than OpenSSH's 256 KiB when asked to. */
const MAX_ANSWER_BYTES = 1 << 20;

/** An answer: `reader` stands behind the number of the request, and is valid only until `parse` returns. */
export interface Reply {
  readonly type: number;
  readonly reader: WireReader;
}

interface Pending {
  accept(reply: Reply): void;
  fail(error: unknown): void;
}

/** Matches answers to requests, any number of which may be under way (draft-ietf-secsh-filexfer-02, 3). */
export class SftpConnection implements AsyncDisposable {
  readonly #stream: ByteStream;
  readonly #queue: PacketQueue;
  readonly #pending = new Map<number, Pending>();
  readonly #version = Promise.withResolvers<ReadonlyMap<string, string>>();
  readonly #reading: Promise<void>;
  #nextId = 0;
  #end: AppError | undefined;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.#queue = new PacketQueue(stream);
    this.#version.promise.catch(() => {/* told to whoever waits for it, if anybody does */});
    this.#reading = this.#readAnswers();
  }

  /** Says hello; the server's extensions by name. @throws AppError `protocol` for another version, `tunnel_closed`. */
  handshake(): Promise<ReadonlyMap<string, string>> {
    this.#queue.send(encodePacket(PacketType.init, [{ u32: SFTP_VERSION }]));
    return this.#version.promise;
  }

  /** What `parse` makes of the answer. @throws AppError `tunnel_closed` when none can come; whatever `parse` throws. */
  request<T>(type: number, fields: readonly Field[], parse: (reply: Reply) => T): Promise<T> {
    const id = this.takeId();
    return this.send(id, encodePacket(type, [{ u32: id }, ...fields]), parse);
  }

  /** A number for a request whose packet the caller builds. */
  takeId(): number {
    do this.#nextId = (this.#nextId + 1) >>> 0; while (this.#pending.has(this.#nextId));
    return this.#nextId;
  }

  /** As {@link request}, for a packet that holds `id` already. It must not change any more. */
  send<T>(id: number, packet: Uint8Array, parse: (reply: Reply) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#end) return reject(this.#end);
      const accept = (reply: Reply) => {
        try {
          resolve(parse(reply));
        } catch (error) {
          reject(error);
        }
      };
      this.#pending.set(id, { accept, fail: reject });
      this.#queue.send(packet);
    });
  }

  /** Sends what is queued, says the end, and waits for the server's. Requests under way get their answers. */
  async close(): Promise<void> {
    await this.#queue.flushed();
    await this.#stream.closeWrite().catch(() => {/* the far end went first: then it is closed */});
    await this.#reading;
  }

  /** Ends at once: what is under way fails. May be called twice. */
  dispose(): void {
    this.#finish(new AppError("tunnel_closed", "The SFTP session was closed"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose();
    await this.#reading;
  }

  async #readAnswers(): Promise<void> {
    const splitter = new PacketSplitter({ maxBytes: MAX_ANSWER_BYTES });
    try {
      for (let chunk = await this.#stream.read(); chunk; chunk = await this.#stream.read()) {
        for (const packet of splitter.split(chunk)) this.#accept(packet);
      }
      this.#finish(new AppError("tunnel_closed", "The far side ended the SFTP session"));
    } catch (cause) {
      this.#finish(
        cause instanceof AppError ? cause : new AppError("tunnel_closed", "The SFTP session broke", { cause }),
      );
    }
  }

  #accept(packet: Uint8Array): void {
    const reader = new WireReader(packet);
    const type = reader.u8();
    if (type === PacketType.version) return this.#acceptVersion(reader);
    const id = reader.left < 4 ? -1 : reader.u32();
    const pending = this.#pending.get(id);
    if (!pending) throw new AppError("protocol", `The SFTP server answered a request that was not sent (type ${type})`);
    this.#pending.delete(id);
    pending.accept({ type, reader });
  }

  #acceptVersion(reader: WireReader): void {
    const version = reader.left < 4 ? 0 : reader.u32();
    if (version !== SFTP_VERSION) {
      throw new AppError("protocol", `The SFTP server must speak version ${SFTP_VERSION}: it speaks ${version}`);
    }
    const extensions = new Map<string, string>();
    const latin1 = new TextDecoder("latin1");
    while (reader.left > 0) extensions.set(latin1.decode(reader.bytes()), latin1.decode(reader.bytes()));
    this.#version.resolve(extensions);
  }

  #finish(error: AppError): void {
    if (this.#end) return;
    this.#end = error;
    this.#version.reject(error);
    for (const { fail } of this.#pending.values()) fail(error);
    this.#pending.clear();
    this.#stream[Symbol.dispose]();
  }
}

/** For requests that are answered by whether they worked. @throws StatusError if not. */
export function expectOk(reply: Reply): void {
  if (reply.type !== PacketType.status) throw unexpected(reply);
  const { status, message } = readStatus(reply.reader);
  if (status !== StatusCode.ok) throw new StatusError(status, message);
}

/** The reader of an answer that must be of `type`. @throws StatusError of a status that came in its place. */
export function expectType(reply: Reply, type: number): WireReader {
  if (reply.type === type) return reply.reader;
  if (reply.type !== PacketType.status) throw unexpected(reply);
  const { status, message } = readStatus(reply.reader);
  throw new StatusError(status, status === StatusCode.ok ? "The server answered with a status alone" : message);
}

/** The reader of an answer that must be of `type`; null for the status that says the end. @throws StatusError else. */
export function expectTypeOrEnd(reply: Reply, type: number): WireReader | null {
  try {
    return expectType(reply, type);
  } catch (error) {
    if (error instanceof StatusError && error.status === StatusCode.eof) return null;
    throw error;
  }
}

/** Servers of old versions send the code alone. */
function readStatus(reader: WireReader): { status: number; message: string } {
  const status = reader.u32();
  const message = reader.left >= 4 ? new TextDecoder().decode(reader.bytes()) : "";
  return { status, message: message || `status ${status}` };
}

function unexpected({ type }: Reply): StatusError {
  return new StatusError(StatusCode.badMessage, `The server sent an answer of an unexpected type (${type})`);
}
