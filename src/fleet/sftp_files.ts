import { dirname } from "node:path/posix";
import { AppError } from "../base/errors.ts";
import type { SshConnection } from "../ssh/client/connection.ts";
import type { SftpAttributes } from "../ssh/sftp/attributes.ts";
import { bytesOnTheWay } from "../ssh/client/widen_window.ts";
import { openSftpClient, type SftpClient } from "../ssh/sftp/client.ts";
import type { RemoteFiles, RemoteStat } from "./remote_files.ts";
import { writeStriped } from "./striped_write.ts";

const TYPE_MASK = 0o170000;
const FOLDER = 0o040000;
const REGULAR = 0o100000;

/** Uploads of this size or more go through several sessions where the far end is far. */
const STRIPED_BYTES = 8 * 1024 * 1024;
/** Sessions beside the first. sshd's MaxSessions is 10. */
const EXTRA_SESSIONS = 3;
/** An answer that takes this long comes from far enough for one channel's 2 MiB a round trip to be the limit. */
const FAR_MS = 10;

/** The files of a host over the subsystem `sftp`. @throws AppError `protocol` where there is none. */
export async function openSftpFiles(connection: SshConnection, signal: AbortSignal | undefined): Promise<RemoteFiles> {
  const openSession = async () => await openSftpClient(await connection.openSubsystem("sftp", { signal }), { signal });
  return sftpFiles(await openSession(), { openSession, signal });
}

interface SftpFilesParts {
  readonly openSession: () => Promise<SftpClient>;
  readonly signal: AbortSignal | undefined;
}

function sftpFiles(client: SftpClient, { openSession, signal }: SftpFilesParts): RemoteFiles {
  let answerMs = Infinity;
  let extra: Promise<SftpClient[]> | undefined;
  const stat = async (path: string): Promise<RemoteStat | null> => {
    const askedAt = performance.now();
    try {
      return describe(await client.stat(path, { signal }));
    } catch (error) {
      if (error instanceof AppError && error.code === "not_found") return null;
      throw error;
    } finally {
      answerMs = Math.min(answerMs, performance.now() - askedAt);
    }
  };
  /** Further sessions, as many as the server lets us have. */
  const openExtra = async (): Promise<SftpClient[]> => {
    const opened = await Promise.allSettled(Array.from({ length: EXTRA_SESSIONS }, openSession));
    signal?.throwIfAborted();
    return opened.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  };
  const makeFolder = async (path: string): Promise<boolean> => {
    const found = await stat(path);
    if (found?.kind === "folder") return false;
    if (found) throw new AppError("remote_failed", `Cannot make the folder ${JSON.stringify(path)}: a file is there`);
    if (dirname(path) !== path) await makeFolder(dirname(path));
    await client.makeFolder(path, { signal }).catch(async (error) => {
      // Another transfer may have made it in between.
      if ((await stat(path))?.kind !== "folder") throw error;
    });
    return true;
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
      await client.downloadTo(path, sink, { ...options, maxInFlightBytes: bytesOnTheWay(answerMs) });
    },
    async write(path, source, given) {
      const options = { ...given, maxInFlightBytes: bytesOnTheWay(answerMs) };
      const isFarAndLarge = options.size - options.startAt >= STRIPED_BYTES && answerMs >= FAR_MS;
      if (options.inOrder || !isFarAndLarge) {
        await client.uploadFrom(source, path, { ...options, mode: 0o600 });
      } else {
        extra ??= openExtra();
        await writeStriped([client, ...await extra], path, { source, options });
      }
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
      for (const session of await extra?.catch(() => []) ?? []) await session[Symbol.asyncDispose]();
      await client[Symbol.asyncDispose]();
    },
  };
}

function describe({ size = 0, mode, mtime }: SftpAttributes): RemoteStat {
  const type = (mode ?? REGULAR) & TYPE_MASK;
  const kind = type === FOLDER ? "folder" : type === REGULAR ? "file" : "other";
  return { kind, size, mode: mode === undefined ? undefined : mode & 0o7777, mtime };
}
