import { AppError } from "../../base/errors.ts";
import { asMessage, type Message } from "./wire.ts";

// Connect protocol, "Streaming RPCs": one byte of flags, four of length (big-endian), the message.
const HEAD = 5;
const FLAG_COMPRESSED = 1;
const FLAG_END = 2;
// A batch of log lines; the server's own limit is 4 MiB.
const MAX_MESSAGE = 16 * 1024 * 1024;

/** The enveloped JSON messages of a Connect stream, in order; the last one has `isEnd`. @throws AppError `protocol`. */
export async function* readEnvelopes(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
): AsyncGenerator<{ readonly isEnd: boolean; readonly message: Message }> {
  let rest = new Uint8Array();
  for await (const chunk of body ?? []) {
    rest = concatenate(rest, chunk);
    for (;;) {
      if (rest.length < HEAD) break;
      const size = new DataView(rest.buffer, rest.byteOffset).getUint32(1);
      if (size > MAX_MESSAGE) throw new AppError("protocol", `A message of ${size} bytes in a stream is too long`);
      if (rest.length < HEAD + size) break;
      yield parseEnvelope(rest[0] ?? 0, rest.subarray(HEAD, HEAD + size));
      rest = rest.slice(HEAD + size);
    }
  }
  if (rest.length > 0) throw new AppError("protocol", "A stream broke off inside of a message");
}

function parseEnvelope(flags: number, bytes: Uint8Array): { isEnd: boolean; message: Message } {
  if (flags & FLAG_COMPRESSED) throw new AppError("protocol", "A message came compressed, which was not asked for");
  try {
    return { isEnd: (flags & FLAG_END) !== 0, message: asMessage(JSON.parse(new TextDecoder().decode(bytes) || "{}")) };
  } catch (error) {
    throw new AppError("protocol", "A message in a stream is no JSON", { cause: error });
  }
}

function concatenate(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(head.length + tail.length);
  joined.set(head);
  joined.set(tail, head.length);
  return joined;
}
