import type { MaybePromise, SftpFileSystem } from "./file_system.ts";
import type { HandleTable } from "./handle_table.ts";
import { encodePacket } from "./packets.ts";
import { PacketType, StatusCode } from "./protocol.ts";
import type { EXCLUSIVE, RequestOrder } from "./request_order.ts";
import { errnoStatus, StatusError } from "./status_error.ts";
import type { WireReader } from "./wire_reader.ts";

/** What all requests of one client share. */
export interface RequestContext {
  readonly fs: SftpFileSystem;
  readonly handles: HandleTable;
  readonly order: RequestOrder;
  /** What relative paths are relative to: absolute. */
  readonly startFolder: string;
  readonly maxHandles: number;
  readonly isReadOnly: boolean;
}

/** A request read from its packet, which it does not refer to any more when `run` is called later. */
export interface Request {
  /** What may run beside it: see `RequestOrder`. `io` is on handles, `lookup` on paths, without changing them. */
  readonly kind: "io" | "lookup" | typeof EXCLUSIVE;
  /** How many bytes its answer may need, to be set aside while it runs. */
  readonly answerBytes: number;
  /** The whole answer packet. Failures are thrown. */
  run(): MaybePromise<Uint8Array>;
}

/** Reads the fields behind type and id. @throws StatusError `badMessage` when they are not there. */
export type RequestParser = (reader: WireReader, id: number, context: RequestContext) => Request;

/** What most answers need at most. */
export const SMALL_ANSWER_BYTES = 1024;

/** A STATUS packet (draft-ietf-secsh-filexfer-02, 7). */
export function statusPacket(id: number, status: StatusCode, message: string): Uint8Array {
  return encodePacket(PacketType.status, [{ u32: id }, { u32: status }, { string: message }, { string: "en" }]);
}

/** The answer to what was done and has nothing to tell. */
export function okPacket(id: number): Uint8Array {
  return statusPacket(id, StatusCode.ok, "Success");
}

/** `path` as the file system wants it. @throws StatusError `noSuchFile` for an empty one, as the system says. */
export function absolutePath(path: string, { startFolder }: RequestContext): string {
  if (path === "") throw errnoStatus("ENOENT");
  if (path.startsWith("/")) return path;
  return startFolder.endsWith("/") ? startFolder + path : `${startFolder}/${path}`;
}

/** @throws StatusError `permissionDenied` when the server was told to change nothing. */
export function assertWritable({ isReadOnly }: RequestContext): void {
  if (isReadOnly) throw new StatusError(StatusCode.permissionDenied, "This server is read-only");
}

/** `convert(value)`, now if the value is there. */
export function mapMaybe<T, U>(value: MaybePromise<T>, convert: (value: T) => U): MaybePromise<U> {
  return value instanceof Promise ? value.then(convert) : convert(value);
}
