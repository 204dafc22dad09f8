import { createHash } from "node:crypto";

/** Bytes that are the same for the same seed: xorshift32 words, so that a checksum tells any loss, doubling or swap. */
export class SeededBytes {
  #state: number;
  /** Hash of all that was taken so far. */
  readonly hash = createHash("sha256");
  #left: number;

  constructor(seed: number, readonly length: number) {
    this.#state = (seed | 1) >>> 0;
    this.#left = length;
  }

  /** The next at most `count` bytes, undefined at the end. */
  take(count: number): Uint8Array<ArrayBuffer> | undefined {
    if (this.#left === 0) return undefined;
    const length = Math.min(count, this.#left);
    const words = new Uint32Array((length + 3) >> 2);
    let state = this.#state;
    for (let i = 0; i < words.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[i] = state;
    }
    this.#state = state;
    this.#left -= length;
    const bytes = new Uint8Array(words.buffer).subarray(0, length);
    this.hash.update(bytes);
    return bytes;
  }
}

/** What came back of an echo. */
export interface EchoResult {
  readonly sent: string;
  readonly received: string;
  readonly bytesReceived: number;
  readonly status: number;
  readonly stderr: string;
}

/**
 * Sends `bytes` through `child`, whose command is `cat`, and reads what comes back: both directions at once.
 * `onProgress` gets the count of bytes received.
 */
export async function echoThrough(
  child: Deno.ChildProcess,
  bytes: SeededBytes,
  onProgress: (count: number) => void = () => {},
): Promise<EchoResult> {
  const hash = createHash("sha256");
  let count = 0;
  const receive = async () => {
    for await (const piece of child.stdout) {
      hash.update(piece);
      count += piece.length;
      onProgress(count);
    }
  };
  const send = async () => {
    const writer = child.stdin.getWriter();
    try {
      for (let piece = bytes.take(65_536); piece; piece = bytes.take(65_536)) await writer.write(piece);
      await writer.close();
    } catch {
      // It ended before it took all: the count and the status tell.
    }
  };
  const [, , stderr, { code }] = await Promise.all([
    receive(),
    send(),
    new Response(child.stderr).text(),
    child.status,
  ]);
  return { sent: bytes.hash.digest("hex"), received: hash.digest("hex"), bytesReceived: count, status: code, stderr };
}
