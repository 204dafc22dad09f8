import type { SftpFile } from "./file_system.ts";
import { MAX_READ_BYTES, StatusCode } from "./protocol.ts";
import type { RequestContext } from "./request.ts";
import { StatusError } from "./status_error.ts";
import type { WireReader } from "./wire_reader.ts";

/** Copies between two open files without a detour through the client (draft-ietf-secsh-filexfer-extensions-00, 7). */
export function copyData(reader: WireReader, { handles }: RequestContext): () => Promise<void> {
  const { file: from } = handles.file(reader.bytes());
  const readAt = reader.u64();
  // 0 means to the end of the file.
  const length = reader.u64Clamped() || Number.MAX_SAFE_INTEGER;
  const { file: to } = handles.file(reader.bytes());
  const writeAt = reader.u64();
  if (from === to && readAt < writeAt + length && writeAt < readAt + length) {
    throw new StatusError(StatusCode.failure, "The ranges to copy overlap");
  }
  return () => copyRange(from, { to, readAt, writeAt, length });
}

async function copyRange(
  from: SftpFile,
  { to, readAt, writeAt, length }: { to: SftpFile; readAt: number; writeAt: number; length: number },
): Promise<void> {
  const buffer = new Uint8Array(Math.min(MAX_READ_BYTES, length));
  for (let done = 0; done < length;) {
    const got = await from.read(buffer.subarray(0, Math.min(buffer.length, length - done)), readAt + done);
    if (got === 0) return;
    await to.write(buffer.subarray(0, got), writeAt + done);
    done += got;
  }
}
