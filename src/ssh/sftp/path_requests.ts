import { readAttributes, type SftpAttributes } from "./attributes.ts";
import type { MaybePromise, OpenOptions, SftpFileSystem } from "./file_system.ts";
import { encodePacket } from "./packets.ts";
import { FileType, OpenFlag, PacketType } from "./protocol.ts";
import {
  absolutePath,
  assertWritable,
  okPacket,
  type Request,
  type RequestContext,
  type RequestParser,
  SMALL_ANSWER_BYTES,
} from "./request.ts";
import { EXCLUSIVE, RequestOrder } from "./request_order.ts";
import { errnoStatus } from "./status_error.ts";
import type { WireReader } from "./wire_reader.ts";

/** The longest path the system takes is 4,096 bytes: an answer that carries two of them and little else. */
const PATH_ANSWER_BYTES = 10 * 1024;

const open: RequestParser = (reader, id, context) => {
  const path = absolutePath(reader.path(), context);
  const options = openOptions(reader.u32(), readAttributes(reader));
  const changes = options.write || options.append || options.create || options.truncate;
  if (changes) assertWritable(context);
  return {
    kind: changes ? EXCLUSIVE : "lookup",
    answerBytes: SMALL_ANSWER_BYTES,
    run: async () => {
      context.handles.assertRoom();
      const file = await context.fs.open(path, options);
      const handle = context.handles.add({ kind: "file", file, order: new RequestOrder() });
      return encodePacket(PacketType.handle, [{ u32: id }, { string: handle }]);
    },
  };
};

/** Neither reading nor writing means reading, as OpenSSH takes it: paramiko's mode `x` asks so. */
function openOptions(flags: number, { mode }: SftpAttributes): OpenOptions {
  const has = (flag: number) => (flags & flag) !== 0;
  const write = has(OpenFlag.write) || has(OpenFlag.append);
  return {
    read: has(OpenFlag.read) || !write,
    write,
    append: has(OpenFlag.append),
    create: has(OpenFlag.create),
    truncate: has(OpenFlag.truncate),
    exclusive: has(OpenFlag.exclusive),
    ...(mode === undefined ? {} : { mode: mode & 0o7777 }),
  };
}

const opendir: RequestParser = (reader, id, context) => {
  const path = absolutePath(reader.path(), context);
  return {
    kind: "lookup",
    answerBytes: SMALL_ANSWER_BYTES,
    run: async () => {
      context.handles.assertRoom();
      const stat = await context.fs.stat(path);
      if (((stat.mode ?? 0) & FileType.mask) !== FileType.folder) throw errnoStatus("ENOTDIR");
      const entries = context.fs.readFolder(path)[Symbol.asyncIterator]();
      // The first entry is asked for now: a folder that cannot be read is to fail here, not at the first READDIR.
      const first = await entries.next();
      const handle = context.handles.add({
        kind: "folder",
        path,
        entries: prepend(first, entries),
        order: new RequestOrder(),
        leftOver: undefined,
        dots: [".", ".."],
      });
      return encodePacket(PacketType.handle, [{ u32: id }, { string: handle }]);
    },
  };
};

/** `rest` with `first` before it. Closing it closes `rest`. */
async function* prepend<T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncGenerator<T, void> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** A request about one path that tells attributes. */
function statOf(ask: (fs: SftpFileSystem, path: string) => Promise<SftpAttributes>): RequestParser {
  return (reader, id, context) => {
    const path = absolutePath(reader.path(), context);
    return {
      kind: "lookup",
      answerBytes: SMALL_ANSWER_BYTES,
      run: async () => encodePacket(PacketType.attrs, [{ u32: id }, { attributes: await ask(context.fs, path) }]),
    };
  };
}

/** A request about one path that tells another. */
export function nameOf(ask: (context: RequestContext, path: string) => Promise<string>): RequestParser {
  return (reader, id, context) => {
    const path = reader.path();
    return {
      kind: "lookup",
      answerBytes: PATH_ANSWER_BYTES,
      run: async () => {
        const name = await ask(context, path);
        return encodePacket(PacketType.name, [
          { u32: id },
          { u32: 1 },
          { string: name },
          { string: name },
          { attributes: {} },
        ]);
      },
    };
  };
}

/** A request that changes something, and answers only whether it could. `parse` reads all fields before it returns. */
export function change(
  parse: (reader: WireReader, context: RequestContext) => () => MaybePromise<void>,
): RequestParser {
  return (reader, id, context): Request => {
    assertWritable(context);
    const work = parse(reader, context);
    return {
      kind: EXCLUSIVE,
      answerBytes: SMALL_ANSWER_BYTES,
      run: async () => {
        await work();
        return okPacket(id);
      },
    };
  };
}

/** A change that is about two paths, both relative to the start folder. */
export function changeOfTwo(
  work: (fs: SftpFileSystem, first: string, second: string) => Promise<void>,
): RequestParser {
  return change((reader, context) => {
    const first = absolutePath(reader.path(), context);
    const second = absolutePath(reader.path(), context);
    return () => work(context.fs, first, second);
  });
}

const setstat = change((reader, context) => {
  const path = absolutePath(reader.path(), context);
  const attributes = readAttributes(reader);
  return () => context.fs.setAttributes(path, attributes);
});

const mkdir = change((reader, context) => {
  const path = absolutePath(reader.path(), context);
  const { mode } = readAttributes(reader);
  return () => context.fs.makeFolder(path, mode === undefined ? {} : { mode: mode & 0o7777 });
});

const rmdir = change((reader, context) => {
  const path = absolutePath(reader.path(), context);
  return () => context.fs.removeFolder(path);
});

const remove = change((reader, context) => {
  const path = absolutePath(reader.path(), context);
  return () => context.fs.removeFile(path);
});

/** OpenSSH's server takes the target first, against the draft, and all clients send it so (its PROTOCOL, 4.1). */
const symlink = change((reader, context) => {
  const target = reader.path();
  const path = absolutePath(reader.path(), context);
  return () => context.fs.symlink(target, path);
});

/** The requests that name paths, by packet type (draft-ietf-secsh-filexfer-02, 6). */
export const pathRequests: ReadonlyMap<number, RequestParser> = new Map<number, RequestParser>([
  [PacketType.open, open],
  [PacketType.opendir, opendir],
  [PacketType.stat, statOf((fs, path) => fs.stat(path))],
  [PacketType.lstat, statOf((fs, path) => fs.lstat(path))],
  [PacketType.realpath, nameOf((context, path) => context.fs.realPath(absolutePath(path || ".", context)))],
  [PacketType.readlink, nameOf((context, path) => context.fs.readLink(absolutePath(path, context)))],
  [PacketType.setstat, setstat],
  [PacketType.mkdir, mkdir],
  [PacketType.rmdir, rmdir],
  [PacketType.remove, remove],
  [PacketType.rename, changeOfTwo((fs, from, to) => fs.rename(from, to))],
  [PacketType.symlink, symlink],
]);
