import { AppError } from "../../base/errors.ts";
import type { ByteStream } from "../../stream/byte_stream.ts";
import { decodePath, encodePath } from "../sftp/byte_path.ts";

/** The longest line taken: a path of 4,096 bytes and its mode and size fit (OpenSSH's buffer has 16 KiB). */
const MAX_LINE_BYTES = 16 * 1024;
const NEWLINE = 10;

/** What an answer says: all is well, a warning, or the end of it all. */
export interface Answer {
  readonly kind: "ok" | "warning" | "fatal";
  readonly message: string;
}

/** Reads and writes the scp protocol's bytes, lines and answers. */
export class ScpWire {
  readonly #stream: ByteStream;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** The next byte; null at the end. */
  async byte(): Promise<number | null> {
    if (!await this.#fill()) return null;
    const [first = 0] = this.#chunk;
    this.#chunk = this.#chunk.subarray(1);
    return first;
  }

  /** The rest of a line without its newline. @throws AppError `protocol` when it is too long or ends early. */
  async line(): Promise<string> {
    let line: Uint8Array = new Uint8Array(0);
    for (let end = -1; end < 0;) {
      if (!await this.#fill()) throw new AppError("protocol", "lost connection");
      end = this.#chunk.indexOf(NEWLINE);
      const part = end < 0 ? this.#chunk : this.#chunk.subarray(0, end);
      if (line.length + part.length > MAX_LINE_BYTES) throw new AppError("protocol", "protocol error: line too long");
      line = concatenate(line, part);
      this.#chunk = this.#chunk.subarray(end < 0 ? part.length : end + 1);
    }
    return decodePath(line);
  }

  /** At most `maxBytes`, valid until the next read. @throws AppError `protocol` at the end of the stream. */
  async some(maxBytes: number): Promise<Uint8Array> {
    if (!await this.#fill()) throw new AppError("protocol", "lost connection");
    const bytes = this.#chunk.subarray(0, maxBytes);
    this.#chunk = this.#chunk.subarray(bytes.length);
    return bytes;
  }

  /** Reads the other side's answer. @throws AppError `protocol` at the end of the stream. */
  async answer(): Promise<Answer> {
    const byte = await this.byte();
    if (byte === null) throw new AppError("protocol", "lost connection");
    if (byte === 0) return { kind: "ok", message: "" };
    const message = await this.line();
    if (byte === 1) return { kind: "warning", message };
    return { kind: "fatal", message: byte === 2 ? message : String.fromCharCode(byte) + message };
  }

  ok(): Promise<void> {
    return this.#stream.write(new Uint8Array(1));
  }

  /** Tells the other side what did not work; the transfer goes on. */
  warn(message: string): Promise<void> {
    return this.write(`\x01scp: ${message.replaceAll("\n", " ")}\n`);
  }

  write(content: string | Uint8Array): Promise<void> {
    return this.#stream.write(typeof content === "string" ? encodePath(content) : content);
  }

  async #fill(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const chunk = await this.#stream.read();
      if (!chunk) return false;
      this.#chunk = chunk;
    }
    return true;
  }
}

function concatenate(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
