import type { ByteStream } from "../../src/stream/byte_stream.ts";

/** This process's stdin and stdout as one stream. */
export function stdioStream(): ByteStream {
  const buffer = new Uint8Array(256 * 1024);
  let isClosed = false;
  return {
    async read() {
      if (isClosed) return null;
      const length = await Deno.stdin.read(buffer);
      return length === null ? null : buffer.subarray(0, length);
    },
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
    },
    closeWrite() {
      Deno.stdout.close();
      return Promise.resolve();
    },
    [Symbol.dispose]() {
      isClosed = true;
    },
  };
}

/** A child's stdout and stdin, both piped, as one stream. Disposing it closes both; the child is the caller's to await. */
export function childStream(child: Deno.ChildProcess): ByteStream {
  const reader = child.stdout.getReader();
  const writer = child.stdin.getWriter();
  const ignore = () => {/* the child has gone: nothing is left to close */};
  return {
    async read() {
      const { value, done } = await reader.read();
      return done ? null : value;
    },
    write: (bytes) => writer.write(bytes),
    closeWrite: () => writer.close().catch(ignore),
    [Symbol.dispose]() {
      reader.cancel().catch(ignore);
      writer.abort().catch(ignore);
    },
  };
}
