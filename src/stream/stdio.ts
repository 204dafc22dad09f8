import type { ByteStream } from "./byte_stream.ts";

/** What a pipe holds once it was made larger; a socket in its place gives as much. */
const READ_BYTES = 262_144;
/** So much at once is bulk data, for which larger pipes pay. */
const BULK_BYTES = 32_768;

/**
 * The process's stdin and stdout as one ByteStream. Disposing it closes stdout; a pending read of stdin cannot be called
 * off and ends with the process.
 */
export function stdioStream(): ByteStream {
  return new StdioStream();
}

class StdioStream implements ByteStream {
  readonly #buffer = new Uint8Array(READ_BYTES);
  readonly #isGrown = { stdin: false, stdout: false };
  #hasReleased = false;
  #isStdoutClosed = false;
  #isDisposed = false;

  async read(): Promise<Uint8Array | null> {
    if (this.#isDisposed) return null;
    const count = await Deno.stdin.read(this.#buffer);
    if (!this.#isGrown.stdin && count !== null && count >= BULK_BYTES) {
      this.#isGrown.stdin = true;
      await this.#prepareForBulk(0);
    }
    return count === null ? null : this.#buffer.subarray(0, count);
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#isGrown.stdout && bytes.length >= BULK_BYTES) {
      this.#isGrown.stdout = true;
      await this.#prepareForBulk(1);
    }
    for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(at === 0 ? bytes : bytes.subarray(at));
  }

  async #prepareForBulk(fd: number): Promise<void> {
    const { growPipe } = await import("./pipe_size.ts");
    await growPipe(fd);
    if (this.#hasReleased) return;
    this.#hasReleased = true;
    // Before the compilers that bulk data wakes up come into memory as well.
    const { releaseStartupPages } = await import("./startup_pages.ts");
    await releaseStartupPages();
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
