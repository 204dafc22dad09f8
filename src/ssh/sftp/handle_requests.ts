import { readAttributes } from "./attributes.ts";
import { encodePath } from "./byte_path.ts";
import type { FolderEntry, SftpFileSystem } from "./file_system.ts";
import type { FolderHandle } from "./handle_table.ts";
import { formatLongName } from "./long_name.ts";
import { DATA_HEADER_BYTES, encodePacket, type Field, putDataHeader } from "./packets.ts";
import { MAX_READ_BYTES, PacketType, StatusCode } from "./protocol.ts";
import {
  assertWritable,
  mapMaybe,
  okPacket,
  type RequestContext,
  type RequestParser,
  SMALL_ANSWER_BYTES,
  statusPacket,
} from "./request.ts";
import { EXCLUSIVE } from "./request_order.ts";

/** Enough entries that a listing takes few round trips, few enough to fit a packet that every client takes. */
const FOLDER_BATCH_ENTRIES = 100;
const FOLDER_BATCH_BYTES = 30 * 1024;

const read: RequestParser = (reader, id, { handles }) => {
  const { file, order } = handles.file(reader.bytes());
  const position = reader.u64();
  const wanted = Math.min(reader.u32(), MAX_READ_BYTES);
  return {
    kind: "io",
    answerBytes: DATA_HEADER_BYTES + wanted,
    run: () => {
      const buffer = new Uint8Array(DATA_HEADER_BYTES + wanted);
      const got = order.run("read", () => file.read(buffer.subarray(DATA_HEADER_BYTES), position));
      return mapMaybe(got, (length) => {
        if (length === 0 && wanted > 0) return statusPacket(id, StatusCode.eof, "End of file");
        putDataHeader(buffer, { type: PacketType.data, id, length });
        return length === wanted ? buffer : buffer.subarray(0, DATA_HEADER_BYTES + length);
      });
    },
  };
};

const write: RequestParser = (reader, id, context) => {
  assertWritable(context);
  const { file, order } = context.handles.file(reader.bytes());
  const position = reader.u64();
  const view = reader.bytes();
  const startsNow = context.order.isOpenTo("io") && order.isOpenTo(EXCLUSIVE);
  // The packet is gone after this turn; a write that starts in it has taken what it needs by then.
  const bytes = startsNow ? view : view.slice();
  return {
    kind: "io",
    answerBytes: SMALL_ANSWER_BYTES + (startsNow ? 0 : bytes.length),
    run: () => mapMaybe(order.run(EXCLUSIVE, () => file.write(bytes, position)), () => okPacket(id)),
  };
};

const close: RequestParser = (reader, id, { handles }) => {
  const name = reader.bytes().slice();
  return {
    kind: EXCLUSIVE,
    answerBytes: SMALL_ANSWER_BYTES,
    run: () => mapMaybe(handles.close(name), () => okPacket(id)),
  };
};

const fstat: RequestParser = (reader, id, { handles, fs }) => {
  const handle = handles.get(reader.bytes());
  return {
    kind: "io",
    answerBytes: SMALL_ANSWER_BYTES,
    run: async () => {
      const attributes = handle.kind === "folder"
        ? await fs.stat(handle.path)
        : await handle.order.run("read", () => handle.file.stat());
      return encodePacket(PacketType.attrs, [{ u32: id }, { attributes }]);
    },
  };
};

const fsetstat: RequestParser = (reader, id, context) => {
  assertWritable(context);
  const handle = context.handles.get(reader.bytes());
  const attributes = readAttributes(reader);
  return {
    kind: EXCLUSIVE,
    answerBytes: SMALL_ANSWER_BYTES,
    run: async () => {
      if (handle.kind === "folder") await context.fs.setAttributes(handle.path, attributes);
      else await handle.file.setAttributes(attributes);
      return okPacket(id);
    },
  };
};

const readdir: RequestParser = (reader, id, context) => {
  const folder = context.handles.folder(reader.bytes());
  return {
    kind: "io",
    answerBytes: FOLDER_BATCH_BYTES,
    run: () => folder.order.run(EXCLUSIVE, () => answerFolderBatch(folder, id, context)),
  };
};

async function answerFolderBatch(folder: FolderHandle, id: number, { fs }: RequestContext): Promise<Uint8Array> {
  const now = Date.now() / 1000;
  const fields: Field[] = [];
  let bytes = 0;
  for (let count = 0; count < FOLDER_BATCH_ENTRIES; count++) {
    const entry = await nextEntry(folder, fs);
    if (!entry) break;
    const name = encodePath(entry.name);
    const owner = await fs.ownerNames(entry.stat);
    const longName = encodePath(formatLongName({ name: entry.name, stat: entry.stat, now, ...owner }));
    const entryBytes = name.length + longName.length + 40;
    if (count > 0 && bytes + entryBytes > FOLDER_BATCH_BYTES) {
      folder.leftOver = entry;
      break;
    }
    bytes += entryBytes;
    fields.push({ string: name }, { string: longName }, { attributes: entry.stat });
  }
  if (fields.length === 0) return statusPacket(id, StatusCode.eof, "End of directory");
  return encodePacket(PacketType.name, [{ u32: id }, { u32: fields.length / 3 }, ...fields]);
}

/** `.` and `..` come first, as readdir(3) gives them and `ls -a` shows them. */
async function nextEntry(folder: FolderHandle, fs: SftpFileSystem): Promise<FolderEntry | undefined> {
  if (folder.leftOver) {
    const entry = folder.leftOver;
    folder.leftOver = undefined;
    return entry;
  }
  if (folder.dots.length > 0) {
    const name = folder.dots.shift() ?? ".";
    return { name, stat: await fs.stat(`${folder.path}/${name}`) };
  }
  const next = await folder.entries.next();
  return next.done ? undefined : next.value;
}

/** The requests that name an open handle, by packet type (draft-ietf-secsh-filexfer-02, 6). */
export const handleRequests: ReadonlyMap<number, RequestParser> = new Map<number, RequestParser>([
  [PacketType.read, read],
  [PacketType.write, write],
  [PacketType.close, close],
  [PacketType.fstat, fstat],
  [PacketType.fsetstat, fsetstat],
  [PacketType.readdir, readdir],
]);
