import { dirname } from "node:path/posix";
import { AppError } from "../base/errors.ts";
import type { SshConnection } from "../ssh/client/connection.ts";
import type { SftpAttributes } from "../ssh/sftp/attributes.ts";
import { openSftpClient, type SftpClient } from "../ssh/sftp/client.ts";
import type { RemoteFiles, RemoteStat } from "./remote_files.ts";

const TYPE_MASK = 0o170000;
const FOLDER = 0o040000;
const REGULAR = 0o100000;

/** The files of a host over the subsystem `sftp`. @throws AppError `protocol` where there is none. */
export async function openSftpFiles(connection: SshConnection, signal: AbortSignal | undefined): Promise<RemoteFiles> {
  const stream = await connection.openSubsystem("sftp", { signal });
  return sftpFiles(await openSftpClient(stream, { signal }), signal);
}

function sftpFiles(client: SftpClient, signal: AbortSignal | undefined): RemoteFiles {
  const stat = async (path: string): Promise<RemoteStat | null> => {
    try {
      return describe(await client.stat(path, { signal }));
    } catch (error) {
      if (error instanceof AppError && error.code === "not_found") return null;
      throw error;
    }
  };
  const makeFolder = async (path: string): Promise<void> => {
    const found = await stat(path);
    if (found?.kind === "folder") return;
    if (found) throw new AppError("remote_failed", `Cannot make the folder ${JSON.stringify(path)}: a file is there`);
    if (dirname(path) !== path) await makeFolder(dirname(path));
    await client.makeFolder(path, { signal }).catch(async (error) => {
      // Another transfer may have made it in between.
      if ((await stat(path))?.kind !== "folder") throw error;
    });
  };
  return {
    via: "sftp",
    stat,
    makeFolder,
    async list(path) {
      const names: string[] = [];
      for await (const { name, isUtf8 } of client.readFolder(path, { signal })) {
        if (!isUtf8) {
          throw new AppError("remote_failed", `A name in ${JSON.stringify(path)} is not UTF-8: ${name}`);
        }
        names.push(name);
      }
      return names;
    },
    async read(path, sink, options) {
      await client.downloadTo(path, sink, options);
    },
    async write(path, source, options) {
      await client.uploadFrom(source, path, { ...options, mode: 0o600 });
    },
    async setAttributes(path, { mode, mtime }) {
      const times = mtime === undefined ? {} : { atime: mtime, mtime };
      await client.setAttributes(path, { ...(mode === undefined ? {} : { mode }), ...times }, { signal });
    },
    replace: (from, to) => client.replace(from, to, { signal }),
    async remove(path) {
      await client.removeFile(path).catch((error: unknown) => {
        if (!(error instanceof AppError && error.code === "not_found")) throw error;
      });
    },
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
    },
  };
}

function describe({ size = 0, mode, mtime }: SftpAttributes): RemoteStat {
  const type = (mode ?? REGULAR) & TYPE_MASK;
  const kind = type === FOLDER ? "folder" : type === REGULAR ? "file" : "other";
  return { kind, size, mode: mode === undefined ? undefined : mode & 0o7777, mtime };
}
