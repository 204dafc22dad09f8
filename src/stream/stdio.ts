import type { ByteStream } from "./byte_stream.ts";

/** A pipe gives 64 KiB at once, a socket in its place more. */
const READ_BYTES = 262_144;

/**
 * The process's stdin and stdout as one ByteStream. Disposing it closes stdout; a pending read of stdin cannot be called
 * off and ends with the process.
 */
export function stdioStream(): ByteStream {
  return new StdioStream();
}

class StdioStream implements ByteStream {
  readonly #buffer = new Uint8Array(READ_BYTES);
  #isStdoutClosed = false;
  #isDisposed = false;

  async read(): Promise<Uint8Array | null> {
    if (this.#isDisposed) return null;
    const count = await Deno.stdin.read(this.#buffer);
    return count === null ? null : this.#buffer.subarray(0, count);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(at === 0 ? bytes : bytes.subarray(at));
  }

  closeWrite(): Promise<void> {
    this.#closeStdout();
    return Promise.resolve();
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#closeStdout();
  }

  #closeStdout(): void {
    if (this.#isStdoutClosed) return;
    this.#isStdoutClosed = true;
    try {
      Deno.stdout.close();
    } catch {
      // Closed before: the same result.
    }
  }
}
