import type { SftpClient } from "../ssh/sftp/client.ts";
import { type ByteSource, type TransferFile, writeBlocks } from "../ssh/sftp/client_transfer.ts";
import type { RemoteFile } from "../ssh/sftp/remote_file.ts";
import type { RemoteCopyOptions } from "./remote_files.ts";

const WRITE = { read: false, write: true, append: false, exclusive: false } as const;

/**
 * Writes `source` into one remote file through several SFTP sessions in turns.
 *
 * sshd lets a channel send 2 MiB a round trip and no more: over a far link each further channel adds as much.
 */
export async function writeStriped(
  clients: readonly [SftpClient, ...SftpClient[]],
  path: string,
  { source, options }: { source: ByteSource; options: RemoteCopyOptions },
): Promise<void> {
  const { signal, startAt } = options;
  const [first, ...others] = clients;
  await using open = new AsyncDisposableStack();
  const how = { ...WRITE, create: true, truncate: startAt === 0, mode: 0o600 };
  const files = [open.use(await first.open(path, { ...how, signal }))];
  for (const client of others) {
    files.push(open.use(await client.open(path, { ...WRITE, create: false, truncate: false, signal })));
  }
  await writeBlocks(inTurns(files), source, options);
  for (const file of files) await file.close({ signal });
}

/** One file of which every write goes through another of `files`, all of them the same remote file. */
function inTurns(files: readonly RemoteFile[]): TransferFile {
  const [first] = files;
  if (!first) throw new RangeError("Writing in turns needs a file");
  const fileOf = new WeakMap<Uint8Array, RemoteFile>();
  let turn = 0;
  return {
    maxReadBytes: first.maxReadBytes,
    maxWriteBytes: Math.min(...files.map(({ maxWriteBytes }) => maxWriteBytes)),
    read: (position, length) => first.read(position, length),
    stat: () => first.stat(),
    prepareWrite(length) {
      const file = files[turn++ % files.length] ?? first;
      const prepared = file.prepareWrite(length);
      fileOf.set(prepared.packet, file);
      return prepared;
    },
    sendWrite: (packet, place) => (fileOf.get(packet) ?? first).sendWrite(packet, place),
  };
}
