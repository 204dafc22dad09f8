import { orAbort } from "../../base/abort.ts";
import { AppError } from "../../base/errors.ts";
import { oneLine } from "../../base/printable.ts";
import { readAttributes } from "./attributes.ts";
import { expectOk, expectType, expectTypeOrEnd, type Reply, type SftpConnection } from "./client_connection.ts";
import { named } from "./client_error.ts";
import { decodePath, hasRawBytes } from "./byte_path.ts";
import type { FolderEntry } from "./file_system.ts";
import { PacketType } from "./protocol.ts";

/** An entry of a folder on the far side. */
export interface RemoteEntry extends FolderEntry {
  /**
   * False when the name is not UTF-8: it can be asked for as it is (see `decodePath`), but the runtime's own calls
   * would make another name of it on this side.
   */
  readonly isUtf8: boolean;
}

/** READDIRs under way: a long listing does not wait a round trip for each hundred names. */
const ASK_AHEAD = 4;

/** The entries of a folder without `.` and `..`, in the server's order. */
export async function* readRemoteFolder(
  connection: SftpConnection,
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<RemoteEntry, void> {
  signal?.throwIfAborted();
  const opening = connection.request(
    PacketType.opendir,
    [{ string: path }],
    (reply) => expectType(reply, PacketType.handle).bytes().slice(),
  );
  const handle = await orAbort(named("list", path, opening), signal);
  const ask = () => {
    const batch = named("list", path, connection.request(PacketType.readdir, [{ string: handle }], parseEntries));
    batch.catch(() => {/* told when its turn comes; behind the end some servers answer with a failure */});
    return batch;
  };
  try {
    const batches = [ask()];
    for (let next = batches.shift(); next; next = batches.shift()) {
      const entries = await orAbort(next, signal);
      if (!entries) return;
      // From the second on: most folders are told in one answer.
      while (batches.length < ASK_AHEAD) batches.push(ask());
      yield* entries;
    }
  } finally {
    connection.request(PacketType.close, [{ string: handle }], expectOk).catch(() => {
      // A folder that was only read has nothing to lose.
    });
  }
}

/** Null at the end. */
function parseEntries(reply: Reply): RemoteEntry[] | null {
  const reader = expectTypeOrEnd(reply, PacketType.name);
  if (!reader) return null;
  const entries: RemoteEntry[] = [];
  for (let left = reader.u32(); left > 0; left--) {
    const bytes = reader.bytes();
    const longName = new TextDecoder().decode(reader.bytes());
    const stat = readAttributes(reader);
    const name = decodePath(bytes);
    const linkCount = /^\S{10,11}\s+(\d+)\s/.exec(longName)?.[1];
    if (name === "." || name === "..") continue;
    if (name === "" || /[/\0]/.test(name)) {
      throw new AppError("protocol", `The SFTP server listed a name that is none: ${JSON.stringify(oneLine(name))}`);
    }
    entries.push({
      name,
      isUtf8: !hasRawBytes(name),
      stat: linkCount === undefined ? stat : { ...stat, linkCount: Number(linkCount) },
    });
  }
  return entries;
}
