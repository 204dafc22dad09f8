import { deadline, orAbort } from "../../base/abort.ts";
import { AppError } from "../../base/errors.ts";
import type { ByteStream } from "../../stream/byte_stream.ts";
import { readAttributes, type SftpAttributes } from "./attributes.ts";
import { expectOk, expectType, SftpConnection } from "./client_connection.ts";
import { named } from "./client_error.ts";
import { readRemoteFolder, type RemoteEntry } from "./client_folder.ts";
import type { ByteSink, ByteSource, TransferOptions } from "./client_transfer.ts";
import type { OpenOptions } from "./file_system.ts";
import type { Field } from "./packets.ts";
import { Extension, OpenFlag, PacketType } from "./protocol.ts";
import { RemoteFile } from "./remote_file.ts";
import { readStatVfs, type StatVfs } from "./stat_vfs.ts";

/** Options of {@link openSftpClient}. */
export interface SftpClientOptions {
  /** Until the session is open; later each call takes its own. */
  readonly signal?: AbortSignal | undefined;
  /** How long the server may take to say its version. */
  readonly timeoutMs?: number;
}

/** What one packet may carry. */
export interface SftpLimits {
  readonly maxReadBytes: number;
  readonly maxWriteBytes: number;
}

/** What every version 3 server takes: 32 KiB of data in a packet of 34,000 bytes (draft-ietf-secsh-filexfer-02, 3). */
const DEFAULT_LIMITS: SftpLimits = { maxReadBytes: 32_768, maxWriteBytes: 32_768 };

/** More in one request gains nothing, and other servers' numbers are not always meant. */
const MAX_BLOCK_BYTES = 255 * 1024;

/** Opens an SFTP session over `stream` (a channel with the subsystem `sftp`), which it owns from now on. */
export async function openSftpClient(
  stream: ByteStream,
  { signal, timeoutMs = 30_000 }: SftpClientOptions = {},
): Promise<SftpClient> {
  signal?.throwIfAborted();
  const connection = new SftpConnection(stream);
  using limit = deadline(timeoutMs, {
    signal,
    reason: () => new AppError("timeout", "The SFTP server did not answer in time"),
  });
  try {
    const extensions = await orAbort(connection.handshake(), limit.signal);
    const limits = extensions.has(Extension.limits)
      ? await orAbort(askLimits(connection), limit.signal)
      : DEFAULT_LIMITS;
    return new SftpClient(connection, { extensions, limits });
  } catch (error) {
    connection.dispose();
    throw error;
  }
}

/** 0 means that the server sets no limit of its own (OpenSSH PROTOCOL, 4.8). */
function askLimits(connection: SftpConnection): Promise<SftpLimits> {
  const bounded = (bytes: number) => Math.min(bytes || MAX_BLOCK_BYTES, MAX_BLOCK_BYTES);
  return connection.request(PacketType.extended, [{ string: Extension.limits }], (reply) => {
    const reader = expectType(reply, PacketType.extendedReply);
    reader.u64Clamped();
    return { maxReadBytes: bounded(reader.u64Clamped()), maxWriteBytes: bounded(reader.u64Clamped()) };
  });
}

/**
 * The files of the far side. Every refusal is an AppError that quotes the path: `not_found`, else `remote_failed`;
 * a broken session is `tunnel_closed`. Any number of calls may be under way.
 */
export class SftpClient implements AsyncDisposable {
  readonly extensions: ReadonlyMap<string, string>;
  readonly limits: SftpLimits;
  readonly #connection: SftpConnection;

  constructor(
    connection: SftpConnection,
    { extensions, limits }: { extensions: ReadonlyMap<string, string>; limits: SftpLimits },
  ) {
    this.#connection = connection;
    this.extensions = extensions;
    this.limits = limits;
  }

  /** Opens a file. */
  async open(path: string, { signal, ...options }: OpenOptions & CallOptions): Promise<RemoteFile> {
    const attributes = options.mode === undefined ? {} : { mode: options.mode };
    const fields = [{ string: path }, { u32: openFlags(options) }, { attributes }];
    const handle = await this.#ask("open", path, {
      request: this.#connection.request(PacketType.open, fields, (reply) => {
        return expectType(reply, PacketType.handle).bytes().slice();
      }),
      signal,
    });
    return new RemoteFile(this.#connection, { path, handle, extensions: this.extensions, ...this.limits });
  }

  /** Writes a file's bytes, from `startAt` on, into `sink`, in order; resolves with how many. */
  async downloadTo(path: string, sink: ByteSink, options: TransferOptions = {}): Promise<number> {
    await using file = await this.open(path, { ...READ_ONLY, signal: options.signal });
    return await file.readTo(sink, options);
  }

  /** The bytes of a file from `startAt` on, in order. */
  async *readFile(path: string, options: TransferOptions = {}): AsyncGenerator<Uint8Array, void> {
    await using file = await this.open(path, { ...READ_ONLY, signal: options.signal });
    yield* file.blocks(options);
  }

  /**
   * Writes all of `source` into a file, which is made if need be; resolves with how many bytes.
   * With `startAt` what is before it stays, and so does what is behind the end; without, the file is emptied first.
   */
  async uploadFrom(
    source: ByteSource,
    path: string,
    { mode, ...options }: TransferOptions & { readonly mode?: number } = {},
  ): Promise<number> {
    const { signal, startAt = 0 } = options;
    const how = { ...WRITE_NEW, truncate: startAt === 0, ...(mode === undefined ? {} : { mode }) };
    await using file = await this.open(path, { ...how, signal });
    const bytes = await file.writeFrom(source, options);
    await file.close({ signal });
    return bytes;
  }

  /** The entries of a folder without `.` and `..`. */
  readFolder(path: string, { signal }: CallOptions = {}): AsyncGenerator<RemoteEntry, void> {
    return readRemoteFolder(this.#connection, path, signal);
  }

  stat(path: string, options: CallOptions = {}): Promise<SftpAttributes> {
    return this.#attributes(PacketType.stat, path, options);
  }

  /** As {@link stat}, of a symbolic link itself. */
  lstat(path: string, options: CallOptions = {}): Promise<SftpAttributes> {
    return this.#attributes(PacketType.lstat, path, options);
  }

  setAttributes(path: string, attributes: SftpAttributes, options: CallOptions = {}): Promise<void> {
    const fields = [{ string: path }, { attributes }];
    return this.#change("set the attributes of", path, { type: PacketType.setstat, fields, ...options });
  }

  makeFolder(path: string, { mode, ...options }: CallOptions & { readonly mode?: number } = {}): Promise<void> {
    const fields = [{ string: path }, { attributes: mode === undefined ? {} : { mode } }];
    return this.#change("make the folder", path, { type: PacketType.mkdir, fields, ...options });
  }

  removeFolder(path: string, options: CallOptions = {}): Promise<void> {
    return this.#change("remove the folder", path, { type: PacketType.rmdir, fields: [{ string: path }], ...options });
  }

  removeFile(path: string, options: CallOptions = {}): Promise<void> {
    return this.#change("remove", path, { type: PacketType.remove, fields: [{ string: path }], ...options });
  }

  /** Fails when `to` exists, with servers that keep to version 3. */
  rename(from: string, to: string, options: CallOptions = {}): Promise<void> {
    return this.#change("rename", from, {
      type: PacketType.rename,
      fields: [{ string: from }, { string: to }],
      ...options,
    });
  }

  /**
   * Renames over what is at `to`, in one step where the server can (`posix-rename@openssh.com`). Elsewhere `to` is
   * removed first: then for a moment there is neither.
   */
  async replace(from: string, to: string, options: CallOptions = {}): Promise<void> {
    if (this.extensions.has(Extension.posixRename)) {
      const fields = [{ string: Extension.posixRename }, { string: from }, { string: to }];
      return await this.#change("rename", from, { type: PacketType.extended, fields, ...options });
    }
    await this.removeFile(to, options).catch((error: unknown) => {
      if (!(error instanceof AppError && error.code === "not_found")) throw error;
    });
    await this.rename(from, to, options);
  }

  /** Makes `path` a symbolic link with the text `target`, in the order of arguments that OpenSSH made the usual one. */
  symlink(target: string, path: string, options: CallOptions = {}): Promise<void> {
    const fields = [{ string: target }, { string: path }];
    return this.#change("make the link", path, { type: PacketType.symlink, fields, ...options });
  }

  readLink(path: string, options: CallOptions = {}): Promise<string> {
    return this.#name("read the link", path, { type: PacketType.readlink, fields: [{ string: path }], ...options });
  }

  /** The canonical path; `.` for where the session starts. `~` is expanded where the server can. */
  realPath(path: string, options: CallOptions = {}): Promise<string> {
    if (path.startsWith("~") && this.extensions.has(Extension.expandPath)) {
      const fields = [{ string: Extension.expandPath }, { string: path }];
      return this.#name("find", path, { type: PacketType.extended, fields, ...options });
    }
    return this.#name("find", path, { type: PacketType.realpath, fields: [{ string: path }], ...options });
  }

  /** Free space and more; undefined when the server cannot tell. */
  async statVfs(path: string, { signal }: CallOptions = {}): Promise<StatVfs | undefined> {
    if (!this.extensions.has(Extension.statVfs)) return undefined;
    const request = this.#connection.request(
      PacketType.extended,
      [{ string: Extension.statVfs }, { string: path }],
      (reply) => readStatVfs(expectType(reply, PacketType.extendedReply)),
    );
    return await this.#ask("ask for the free space of", path, { request, signal });
  }

  /** Says the end and waits until the far side has closed too, at most 5 s. */
  async close(): Promise<void> {
    using limit = deadline(5000, { reason: () => new AppError("timeout", "The SFTP server did not close") });
    try {
      await orAbort(this.#connection.close(), limit.signal);
    } catch {
      // Nothing is lost by a far end that does not say goodbye: every answer that mattered has come.
    } finally {
      this.#connection.dispose();
    }
  }

  /** Ends at once; what is under way fails. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#connection[Symbol.asyncDispose]();
  }

  #attributes(type: number, path: string, { signal }: CallOptions): Promise<SftpAttributes> {
    const request = this.#connection.request(
      type,
      [{ string: path }],
      (reply) => readAttributes(expectType(reply, PacketType.attrs)),
    );
    return this.#ask("stat", path, { request, signal });
  }

  #change(what: string, path: string, { type, fields, signal }: CallOptions & Call): Promise<void> {
    return this.#ask(what, path, { request: this.#connection.request(type, fields, expectOk), signal });
  }

  #name(what: string, path: string, { type, fields, signal }: CallOptions & Call): Promise<string> {
    const request = this.#connection.request(type, fields, (reply) => {
      const reader = expectType(reply, PacketType.name);
      reader.u32();
      return reader.path();
    });
    return this.#ask(what, path, { request, signal });
  }

  #ask<T>(
    what: string,
    path: string,
    { request, signal }: { request: Promise<T>; signal: AbortSignal | undefined },
  ): Promise<T> {
    return orAbort(named(what, path, request), signal);
  }
}

/** What every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

interface Call {
  readonly type: number;
  readonly fields: readonly Field[];
}

const READ_ONLY: OpenOptions = {
  read: true,
  write: false,
  append: false,
  create: false,
  truncate: false,
  exclusive: false,
};
const WRITE_NEW: OpenOptions = { ...READ_ONLY, read: false, write: true, create: true };

function openFlags({ read, write, append, create, truncate, exclusive }: OpenOptions): number {
  return (read ? OpenFlag.read : 0) | (write ? OpenFlag.write : 0) | (append ? OpenFlag.append : 0) |
    (create ? OpenFlag.create : 0) | (truncate ? OpenFlag.truncate : 0) | (exclusive ? OpenFlag.exclusive : 0);
}
