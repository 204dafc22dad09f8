import type { Field } from "./packets.ts";
import type { WireReader } from "./wire_reader.ts";

/** What statvfs tells (POSIX `sys/statvfs.h`; OpenSSH PROTOCOL, 4.3); counts of blocks are in units of `fragmentSize`. */
export interface StatVfs {
  readonly blockSize: number;
  readonly fragmentSize: number;
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly availableBlocks: number;
  readonly files: number;
  readonly freeFiles: number;
  readonly availableFiles: number;
  readonly id: number;
  /** 1: read-only, 2: no setuid. */
  readonly flags: number;
  readonly maxNameLength: number;
}

/** The fields of an answer, in the order of the wire. */
export function statVfsFields(stat: StatVfs): Field[] {
  return [
    { u64: stat.blockSize },
    { u64: stat.fragmentSize },
    { u64: stat.blocks },
    { u64: stat.freeBlocks },
    { u64: stat.availableBlocks },
    { u64: stat.files },
    { u64: stat.freeFiles },
    { u64: stat.availableFiles },
    { u64: stat.id },
    { u64: stat.flags },
    { u64: stat.maxNameLength },
  ];
}

/** Reads what {@link statVfsFields} writes. An id past 2^53 is not kept exactly. */
export function readStatVfs(reader: WireReader): StatVfs {
  const number = () => reader.u64Clamped();
  return {
    blockSize: number(),
    fragmentSize: number(),
    blocks: number(),
    freeBlocks: number(),
    availableBlocks: number(),
    files: number(),
    freeFiles: number(),
    availableFiles: number(),
    id: number(),
    flags: number(),
    maxNameLength: number(),
  };
}
