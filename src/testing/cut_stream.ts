import { AppError } from "../base/errors.ts";
import type { ByteStream } from "../stream/byte_stream.ts";

/** `inner`, closed at once when `bytes` bytes were written to it. */
export function cutAfter(inner: ByteStream, bytes: number): ByteStream {
  let left = bytes;
  return {
    read: () => inner.read(),
    async write(chunk) {
      await inner.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left > 0) return;
      inner[Symbol.dispose]();
      throw new AppError("tunnel_closed", `The test server cut the stream after ${bytes} bytes`);
    },
    closeWrite: () => inner.closeWrite(),
    [Symbol.dispose]: () => inner[Symbol.dispose](),
  };
}
