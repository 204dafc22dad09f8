import type { ByteStream } from "../stream/byte_stream.ts";
import type { CommandRecord } from "./command_record.ts";

/** What may lie unread before the client is made to wait. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;
/** VINTR of a terminal in its usual state. */
const CTRL_C = 3;

/** Options of {@link ProgramInput}. */
export interface ProgramInputOptions {
  readonly record: CommandRecord;
  /** At a terminal: somebody typed Ctrl-C, which does not reach the program. */
  readonly onInterrupt?: (() => void) | undefined;
}

/**
 * A program's stdin: what comes is kept in the command's record whether or not the program reads it, and waits here until
 * it does.
 */
export class ProgramInput implements AsyncIterable<Uint8Array> {
  readonly #source: ByteStream;
  readonly #options: ProgramInputOptions;
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #isEnded = false;
  #wake: (() => void)[] = [];
  /** Resolves when the source has ended. */
  readonly finished: Promise<void>;

  constructor(source: ByteStream, options: ProgramInputOptions) {
    this.#source = source;
    this.#options = options;
    this.finished = this.#pump();
  }

  /** The next bytes, null at the end. */
  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const bytes = this.#unread.shift();
      if (bytes) {
        this.#unreadBytes -= bytes.length;
        this.#notify();
        return bytes;
      }
      if (this.#isEnded) return null;
      await this.#changed();
    }
  }

  /** All up to the end. */
  async bytes(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this) chunks.push(chunk);
    return new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  }

  /** All up to the end, as UTF-8. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    for (let bytes = await this.read(); bytes !== null; bytes = await this.read()) yield bytes;
  }

  async #pump(): Promise<void> {
    const { record } = this.#options;
    try {
      for (let bytes = await this.#source.read(); bytes !== null; bytes = await this.#source.read()) {
        record.keepStdin(bytes);
        this.#take(bytes.slice());
        while (this.#unreadBytes > MAX_UNREAD_BYTES && !this.#isEnded) await this.#changed();
      }
      record.isStdinClosed = true;
    } catch {
      // The channel is gone; whoever runs the program hears of it from the session.
    } finally {
      this.#isEnded = true;
      this.#notify();
    }
  }

  /** For the session that is over: whoever waits goes on. */
  end(): void {
    this.#isEnded = true;
    this.#notify();
  }

  #take(bytes: Uint8Array): void {
    const { onInterrupt } = this.#options;
    if (!onInterrupt || !bytes.includes(CTRL_C)) return this.#add(bytes);
    const rest = bytes.filter((byte) => byte !== CTRL_C);
    if (rest.length > 0) this.#add(rest);
    onInterrupt();
  }

  #add(bytes: Uint8Array): void {
    this.#unread.push(bytes);
    this.#unreadBytes += bytes.length;
    this.#notify();
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resume of wake) resume();
  }
}
