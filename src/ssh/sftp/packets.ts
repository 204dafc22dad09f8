import { attributesLength, putAttributes, type SftpAttributes } from "./attributes.ts";
import { encodePath } from "./byte_path.ts";

/** One field of a packet that is being built. */
export type Field =
  | { readonly u32: number }
  | { readonly u64: number | bigint }
  /** A string; text is written as UTF-8, but for raw bytes in it: see `encodePath`. */
  | { readonly string: string | Uint8Array }
  | { readonly attributes: SftpAttributes };

/** A whole packet: length, type, then the fields (draft-ietf-secsh-filexfer-02, 3). */
export function encodePacket(type: number, fields: readonly Field[]): Uint8Array {
  const sized = fields.map((field) =>
    "string" in field && typeof field.string === "string" ? { string: encodePath(field.string) } : field
  );
  const packet = new Uint8Array(sized.reduce((total, field) => total + fieldLength(field), 5));
  const view = new DataView(packet.buffer);
  view.setUint32(0, packet.length - 4);
  view.setUint8(4, type);
  let at = 5;
  for (const field of sized) at = putField(view, at, field);
  return packet;
}

/** The bytes before a payload that is written in place: length, type, two numbers (READ's answer: id and length). */
export const DATA_HEADER_BYTES = 13;

/** Writes the header of a DATA packet with `length` bytes of payload into `buffer`, whose payload starts at 13. */
export function putDataHeader(buffer: Uint8Array, { type, id, length }: { type: number; id: number; length: number }) {
  const view = new DataView(buffer.buffer, buffer.byteOffset, DATA_HEADER_BYTES);
  view.setUint32(0, DATA_HEADER_BYTES - 4 + length);
  view.setUint8(4, type);
  view.setUint32(5, id);
  view.setUint32(9, length);
}

function fieldLength(field: Field): number {
  if ("u32" in field) return 4;
  if ("u64" in field) return 8;
  if ("string" in field) return 4 + field.string.length;
  return attributesLength(field.attributes);
}

function putField(view: DataView, at: number, field: Field): number {
  if ("u32" in field) {
    view.setUint32(at, field.u32);
    return at + 4;
  }
  if ("u64" in field) {
    view.setBigUint64(at, BigInt(field.u64));
    return at + 8;
  }
  if ("attributes" in field) return putAttributes(view, at, field.attributes);
  const bytes = typeof field.string === "string" ? encodePath(field.string) : field.string;
  view.setUint32(at, bytes.length);
  new Uint8Array(view.buffer).set(bytes, at + 4);
  return at + 4 + bytes.length;
}
