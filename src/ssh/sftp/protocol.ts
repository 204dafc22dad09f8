/** The version that is spoken, by every client in use (draft-ietf-secsh-filexfer-02, 4). */
export const SFTP_VERSION = 3;

/** Packet types (draft-ietf-secsh-filexfer-02, 3). */
export const PacketType = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const;

/** Status codes (draft-ietf-secsh-filexfer-02, 7). */
export const StatusCode = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  noConnection: 6,
  connectionLost: 7,
  opUnsupported: 8,
} as const;

/** One of {@link StatusCode}; a server may send others. */
export type StatusCode = number;

/** Bits of OPEN's pflags (draft-ietf-secsh-filexfer-02, 6.3). */
export const OpenFlag = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 } as const;

/** Which attributes are present (draft-ietf-secsh-filexfer-02, 5). */
export const AttributeFlag = { size: 1, uidGid: 2, permissions: 4, times: 8, extended: 0x8000_0000 } as const;

/** File types within `mode` (POSIX `sys/stat.h`). */
export const FileType = {
  mask: 0o170000,
  fifo: 0o010000,
  character: 0o020000,
  folder: 0o040000,
  block: 0o060000,
  regular: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;

/** The longest packet that OpenSSH's server says it takes (SFTP_MAX_MSG_LENGTH). */
export const ADVERTISED_PACKET_BYTES = 256 * 1024;

/** The longest payload of one READ or WRITE that OpenSSH says it takes: its packet less 1,024 for the header. */
export const ADVERTISED_DATA_BYTES = ADVERTISED_PACKET_BYTES - 1024;

/** The longest packet taken here: one with 256 KiB of data, which some clients send, and its header. */
export const MAX_PACKET_BYTES = 256 * 1024 + 1024;

/** The most bytes that one READ is answered with. */
export const MAX_READ_BYTES = 256 * 1024;

/** Extensions of OpenSSH (its PROTOCOL file, section 4), as named on the wire. */
export const Extension = {
  posixRename: "posix-rename@openssh.com",
  statVfs: "statvfs@openssh.com",
  fstatVfs: "fstatvfs@openssh.com",
  hardlink: "hardlink@openssh.com",
  fsync: "fsync@openssh.com",
  lsetstat: "lsetstat@openssh.com",
  limits: "limits@openssh.com",
  expandPath: "expand-path@openssh.com",
  copyData: "copy-data",
  homeDirectory: "home-directory",
} as const;
