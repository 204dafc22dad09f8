import { readAttributes } from "./attributes.ts";
import { copyData } from "./copy_data.ts";
import { encodePacket, type Field } from "./packets.ts";
import { change, changeOfTwo, nameOf } from "./path_requests.ts";
import {
  ADVERTISED_DATA_BYTES,
  ADVERTISED_PACKET_BYTES,
  Extension,
  PacketType,
  SFTP_VERSION,
  StatusCode,
} from "./protocol.ts";
import { absolutePath, type RequestContext, type RequestParser, SMALL_ANSWER_BYTES } from "./request.ts";
import { type StatVfs, statVfsFields } from "./stat_vfs.ts";
import { errnoStatus, StatusError } from "./status_error.ts";

/** An extension's version as VERSION announces it, and what reads its requests (OpenSSH PROTOCOL, 4). */
const EXTENSIONS: ReadonlyMap<string, { readonly version: string; readonly parse: RequestParser }> = new Map([
  [Extension.posixRename, { version: "1", parse: changeOfTwo((fs, from, to) => fs.posixRename(from, to)) }],
  [Extension.statVfs, { version: "2", parse: statVfs() }],
  [Extension.fstatVfs, { version: "2", parse: fstatVfs() }],
  [Extension.hardlink, { version: "1", parse: changeOfTwo((fs, existing, path) => fs.hardLink(existing, path)) }],
  [Extension.fsync, { version: "1", parse: fsync() }],
  [Extension.lsetstat, { version: "1", parse: lsetstat() }],
  [Extension.limits, { version: "1", parse: limits() }],
  [Extension.expandPath, { version: "1", parse: nameOf(expandPath) }],
  [Extension.copyData, { version: "1", parse: change(copyData) }],
  [Extension.homeDirectory, { version: "1", parse: nameOf((context, user) => homeOf(context, user)) }],
]);

/** The answer to INIT: our version and the extensions (draft-ietf-secsh-filexfer-02, 4). */
export function versionPacket(): Uint8Array {
  const fields: Field[] = [{ u32: SFTP_VERSION }];
  for (const [name, { version }] of EXTENSIONS) fields.push({ string: name }, { string: version });
  return encodePacket(PacketType.version, fields);
}

/** Reads an EXTENDED request. @throws StatusError `opUnsupported` for one that is not known here. */
export const parseExtended: RequestParser = (reader, id, context) => {
  const name = reader.text();
  const extension = EXTENSIONS.get(name);
  if (!extension) throw new StatusError(StatusCode.opUnsupported, "Operation unsupported");
  return extension.parse(reader, id, context);
};

function statVfs(): RequestParser {
  return (reader, id, context) => {
    const path = absolutePath(reader.path(), context);
    return {
      kind: "lookup",
      answerBytes: SMALL_ANSWER_BYTES,
      run: async () => statVfsPacket(id, await context.fs.statVfs(path)),
    };
  };
}

function fstatVfs(): RequestParser {
  return (reader, id, { handles, fs }) => {
    const handle = handles.get(reader.bytes());
    return {
      kind: "io",
      answerBytes: SMALL_ANSWER_BYTES,
      run: async () =>
        statVfsPacket(id, await (handle.kind === "file" ? handle.file.statVfs() : fs.statVfs(handle.path))),
    };
  };
}

function statVfsPacket(id: number, stat: StatVfs): Uint8Array {
  return encodePacket(PacketType.extendedReply, [{ u32: id }, ...statVfsFields(stat)]);
}

function fsync(): RequestParser {
  return change((reader, { handles }) => {
    const { file } = handles.file(reader.bytes());
    return () => file.sync();
  });
}

function lsetstat(): RequestParser {
  return change((reader, context) => {
    const path = absolutePath(reader.path(), context);
    const attributes = readAttributes(reader);
    return () => context.fs.setLinkAttributes(path, attributes);
  });
}

function limits(): RequestParser {
  return (_reader, id, { maxHandles }) => ({
    kind: "lookup",
    answerBytes: SMALL_ANSWER_BYTES,
    run: () =>
      encodePacket(PacketType.extendedReply, [
        { u32: id },
        { u64: ADVERTISED_PACKET_BYTES },
        { u64: ADVERTISED_DATA_BYTES },
        { u64: ADVERTISED_DATA_BYTES },
        { u64: maxHandles },
      ]),
  });
}

/** `~` and `~user` become home folders, then as REALPATH (OpenSSH PROTOCOL, 4.9). */
async function expandPath(context: RequestContext, path: string): Promise<string> {
  const [, user, rest] = /^~([^/]*)(.*)$/s.exec(path) ?? [];
  if (user === undefined) return await context.fs.realPath(absolutePath(path || ".", context));
  return await context.fs.realPath(await homeOf(context, user) + (rest ?? ""));
}

async function homeOf({ fs }: RequestContext, user: string): Promise<string> {
  const home = await fs.homeFolder(user || undefined);
  if (home === undefined) throw errnoStatus("ENOENT");
  return home;
}
