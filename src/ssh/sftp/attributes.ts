import { AttributeFlag } from "./protocol.ts";
import type { WireReader } from "./wire_reader.ts";

/** A file's attributes as version 3 knows them; what is absent was not told, or is not to be changed. */
export interface SftpAttributes {
  /** Bytes. */
  readonly size?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** File type and permission bits, as `st_mode`. */
  readonly mode?: number;
  /** Seconds since 1970; on the wire 32 bits without sign. Comes with `mtime` or not at all. */
  readonly atime?: number;
  readonly mtime?: number;
}

/** Attributes and the number of hard links, which only the long form of a listing shows. */
export interface SftpStat extends SftpAttributes {
  readonly linkCount?: number;
}

const MAX_U32 = 0xffff_ffff;

/** Reads an ATTRS structure (draft-ietf-secsh-filexfer-02, 5); extended pairs are skipped. */
export function readAttributes(reader: WireReader): SftpAttributes {
  const flags = reader.u32();
  const attributes: { -readonly [K in keyof SftpAttributes]: SftpAttributes[K] } = {};
  if (flags & AttributeFlag.size) attributes.size = reader.u64();
  if (flags & AttributeFlag.uidGid) {
    attributes.uid = reader.u32();
    attributes.gid = reader.u32();
  }
  if (flags & AttributeFlag.permissions) attributes.mode = reader.u32();
  if (flags & AttributeFlag.times) {
    attributes.atime = reader.u32();
    attributes.mtime = reader.u32();
  }
  if (flags & AttributeFlag.extended) {
    for (let pairs = reader.u32(); pairs > 0; pairs--) {
      reader.bytes();
      reader.bytes();
    }
  }
  return attributes;
}

/** How many bytes {@link putAttributes} writes. */
export function attributesLength({ size, uid, mode, mtime }: SftpAttributes): number {
  return 4 + (size === undefined ? 0 : 8) + (uid === undefined ? 0 : 8) + (mode === undefined ? 0 : 4) +
    (mtime === undefined ? 0 : 8);
}

/** Writes an ATTRS structure at `at`; returns the place behind it. A pair of which one is missing gets 0 for it. */
export function putAttributes(view: DataView, at: number, attributes: SftpAttributes): number {
  const { size, uid, gid, mode, atime, mtime } = attributes;
  const flags = (size === undefined ? 0 : AttributeFlag.size) | (uid === undefined ? 0 : AttributeFlag.uidGid) |
    (mode === undefined ? 0 : AttributeFlag.permissions) | (mtime === undefined ? 0 : AttributeFlag.times);
  view.setUint32(at, flags);
  at += 4;
  if (size !== undefined) {
    view.setBigUint64(at, BigInt(size));
    at += 8;
  }
  if (uid !== undefined) {
    view.setUint32(at, uid);
    view.setUint32(at + 4, gid ?? 0);
    at += 8;
  }
  if (mode !== undefined) {
    view.setUint32(at, mode);
    at += 4;
  }
  if (mtime !== undefined) {
    view.setUint32(at, wireTime(atime ?? mtime));
    view.setUint32(at + 4, wireTime(mtime));
    at += 8;
  }
  return at;
}

/** Times before 1970 and after 2106 do not fit: the nearest that does. */
function wireTime(seconds: number): number {
  return Math.min(Math.max(Math.floor(seconds), 0), MAX_U32);
}
