import { AppError } from "../../base/errors.ts";
import type { ByteStream } from "../../stream/byte_stream.ts";
import { AnswerOrder } from "./answer_order.ts";
import { parseExtended, versionPacket } from "./extended_requests.ts";
import type { SftpFileSystem } from "./file_system.ts";
import { handleRequests } from "./handle_requests.ts";
import { HandleTable } from "./handle_table.ts";
import { PacketSplitter } from "./packet_splitter.ts";
import { pathRequests } from "./path_requests.ts";
import { MAX_PACKET_BYTES, PacketType, StatusCode } from "./protocol.ts";
import { type Request, type RequestContext, statusPacket } from "./request.ts";
import { RequestOrder } from "./request_order.ts";
import { PacketQueue } from "./packet_queue.ts";
import { StatusError, toStatusError } from "./status_error.ts";
import { WireReader } from "./wire_reader.ts";

/** Options of {@link serveSftp}. */
export interface ServeSftpOptions {
  readonly signal?: AbortSignal | undefined;
  /** Absolute: where the client starts, and what its relative paths are relative to. */
  readonly startFolder: string;
  /** How many files and folders may be open at once. */
  readonly maxHandles?: number;
  /** Refuses every request that would change something. */
  readonly isReadOnly?: boolean;
  /** Told of each request as it arrives, by packet type. */
  readonly onRequest?: (type: number) => void;
}

/** Requests that may be at work at once; more wait unread, which the client feels as a closed window. */
const MAX_IN_FLIGHT = 128;

/** Memory for answers, those at work and those not yet taken by the stream; at least one request always fits. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/**
 * Serves SFTP version 3 (draft-ietf-secsh-filexfer-02) with OpenSSH's extensions on `stream` until the client ends.
 *
 * Resolves when the client has closed its side and every answer was taken; the caller then sends exit-status 0 and
 * closes the channel. All handles are closed by then, also after a failure. An abort disposes the stream.
 * @throws AppError `protocol` when what arrives is not SFTP; the signal's reason.
 */
export async function serveSftp(
  stream: ByteStream,
  fs: SftpFileSystem,
  { signal, startFolder, maxHandles = 1024, isReadOnly = false, onRequest }: ServeSftpOptions,
): Promise<void> {
  signal?.throwIfAborted();
  const onAbort = () => stream[Symbol.dispose]();
  signal?.addEventListener("abort", onAbort, { once: true });
  const handles = new HandleTable({ maxHandles });
  const order = new RequestOrder();
  const session = new Session(stream, { fs, handles, order, startFolder, maxHandles, isReadOnly }, onRequest);
  try {
    await session.run();
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await handles.closeAll();
  }
  signal?.throwIfAborted();
}

class Session {
  readonly #stream: ByteStream;
  readonly #context: RequestContext;
  readonly #responses: PacketQueue;
  readonly #answers: AnswerOrder;
  readonly #onRequest: ((type: number) => void) | undefined;
  #isInitialised = false;
  #inFlight = 0;
  #reservedBytes = 0;
  #wake: (() => void) | undefined;

  constructor(stream: ByteStream, context: RequestContext, onRequest: ((type: number) => void) | undefined) {
    this.#stream = stream;
    this.#context = context;
    this.#onRequest = onRequest;
    this.#responses = new PacketQueue(stream);
    this.#answers = new AnswerOrder((packet) => this.#responses.send(packet));
    this.#responses.onProgress = () => this.#wake?.();
  }

  async run(): Promise<void> {
    const splitter = new PacketSplitter({ maxBytes: MAX_PACKET_BYTES });
    try {
      for (let chunk = await this.#stream.read(); chunk; chunk = await this.#stream.read()) {
        for (const packet of splitter.split(chunk)) {
          this.#accept(packet);
          while (this.#isFull()) await this.#progress();
        }
      }
    } finally {
      // What is at work ends before the handles are closed under it.
      while (this.#inFlight > 0) await this.#progress();
    }
    // Not after a failure: one who sends what is not SFTP may never read.
    await this.#responses.flushed();
    if (!splitter.isBetweenPackets) throw new AppError("protocol", "The SFTP client ended within a packet");
  }

  #isFull(): boolean {
    const answerBytes = this.#reservedBytes + this.#answers.waitingBytes + this.#responses.queuedBytes;
    return this.#inFlight >= MAX_IN_FLIGHT || answerBytes > MAX_ANSWER_BYTES;
  }

  async #progress(): Promise<void> {
    await new Promise<void>((resolve) => this.#wake = resolve);
    this.#wake = undefined;
  }

  #accept(packet: Uint8Array): void {
    const reader = new WireReader(packet);
    const type = reader.u8();
    this.#onRequest?.(type);
    if (!this.#isInitialised) return this.#initialise(type);
    if (reader.left < 4) throw new AppError("protocol", `An SFTP request of type ${type} came without its number`);
    const id = reader.u32();
    try {
      this.#start(id, parseRequest(reader, { type, id, context: this.#context }));
    } catch (error) {
      this.#answers.answer(failurePacket(id, error));
    }
  }

  #initialise(type: number): void {
    if (type !== PacketType.init) {
      throw new AppError("protocol", `An SFTP client must begin with INIT (1): got a packet of type ${type}`);
    }
    this.#isInitialised = true;
    this.#responses.send(versionPacket());
  }

  /** @throws what a request that was done at once threw. */
  #start(id: number, request: Request): void {
    const answer = this.#context.order.run(request.kind, () => request.run());
    if (!(answer instanceof Promise)) return this.#answers.answer(answer);
    const respond = this.#answers.reserve();
    this.#inFlight++;
    this.#reservedBytes += request.answerBytes;
    answer.catch((error: unknown) => failurePacket(id, error)).then((packet) => {
      this.#inFlight--;
      this.#reservedBytes -= request.answerBytes;
      respond(packet);
      this.#wake?.();
    });
  }
}

function failurePacket(id: number, error: unknown): Uint8Array {
  const { status, message } = toStatusError(error);
  return statusPacket(id, status, message);
}

function parseRequest(
  reader: WireReader,
  { type, id, context }: { type: number; id: number; context: RequestContext },
): Request {
  const parse = handleRequests.get(type) ?? pathRequests.get(type) ??
    (type === PacketType.extended ? parseExtended : undefined);
  if (!parse) throw new StatusError(StatusCode.opUnsupported, "Operation unsupported");
  return parse(reader, id, context);
}
