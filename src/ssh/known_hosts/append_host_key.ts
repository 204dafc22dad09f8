import { dirname } from "node:path";
import { lockFile } from "../../base/file_lock.ts";
import { ensurePrivateFolder } from "../../base/private_file.ts";
import { hashHostName } from "./hashed_name.ts";
import { assertPlainName, knownHostName } from "./host_names.ts";
import { formatKnownHostsLine } from "./known_hosts_line.ts";

/** Options of {@link appendHostKey}. */
export interface AppendHostKeyOptions {
  readonly host: string;
  readonly port?: number;
  readonly hostKeyAlias?: string | undefined;
  /** A public key line. */
  readonly key: string;
  /** Hides the name, as HashKnownHosts does. */
  readonly hash?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Adds one line to a known_hosts file, the user's own or another: by a single write at its end, so that nothing that is
 * there can be damaged, while the file itself is locked against others who do the same.
 *
 * @throws AppError `key_invalid`; `config_invalid` for a host that would be a pattern; `timeout` when the lock is kept.
 */
export async function appendHostKey(path: string, options: AppendHostKeyOptions): Promise<void> {
  const { host, port, hostKeyAlias, key, hash = false, signal } = options;
  const plain = hostKeyAlias === undefined
    ? knownHostName(assertPlainName(host), port)
    : assertPlainName(hostKeyAlias).toLowerCase();
  const entry = formatKnownHostsLine(hash ? hashHostName(plain) : plain, key);
  await ensurePrivateFolder(dirname(path));
  // Windows lets nobody write to a file that another handle has locked.
  using _lock = await lockFile(Deno.build.os === "windows" ? `${path}.lock` : path, { signal });
  using file = await Deno.open(path, { read: true, append: true, create: true, mode: 0o600 });
  const text = (await endsInMiddleOfLine(file) ? "\n" : "") + entry;
  await file.write(new TextEncoder().encode(text));
  await file.sync();
}

async function endsInMiddleOfLine(file: Deno.FsFile): Promise<boolean> {
  if ((await file.stat()).size === 0) return false;
  await file.seek(-1, Deno.SeekMode.End);
  const last = new Uint8Array(1);
  await file.read(last);
  return last[0] !== 0x0a;
}
