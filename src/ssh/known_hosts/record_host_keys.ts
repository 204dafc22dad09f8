import { dirname } from "node:path";
import { lockFile } from "../../base/file_lock.ts";
import { ensurePrivateFolder } from "../../base/private_file.ts";
import { readConfigFile, textToBinary, writeConfigFile } from "../config/config_file.ts";
import { assertPlainName, matchesHosts } from "./host_names.ts";
import { formatKnownHostsLine, parseKnownHosts } from "./known_hosts_line.ts";

/** Options of {@link recordHostKeys}. */
export interface RecordHostKeysOptions {
  /** The name that the keys are filed under. */
  readonly hostKeyAlias: string;
  /** Public key lines, `type base64 [comment]`; comments are not kept. */
  readonly keys: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes `keys` the only keys of one name in a known_hosts file of our own; every other line stays byte for byte.
 *
 * One step, under a lock `<path>.lock` that stays behind. No keys: the name is forgotten.
 * @throws AppError `key_invalid`; `config_invalid` for a name that would be a pattern; `timeout` when the lock is kept.
 */
export async function recordHostKeys(
  path: string,
  { hostKeyAlias, keys, signal }: RecordHostKeysOptions,
): Promise<void> {
  const name = assertPlainName(hostKeyAlias).toLowerCase();
  const lines = keys.map((line) => formatKnownHostsLine(name, line));
  await ensurePrivateFolder(dirname(path));
  using _lock = await lockFile(`${path}.lock`, { signal });
  const file = await readConfigFile(path);
  const kept = withoutName(file.binary, { path, name });
  const text = withNewline(kept) + textToBinary(lines.join(""));
  if (text !== file.binary) await writeConfigFile(file, text);
}

/** Takes all keys of one name out of a known_hosts file of our own. See {@link recordHostKeys}. */
export function forgetHostKeys(
  path: string,
  { hostKeyAlias, signal }: Omit<RecordHostKeysOptions, "keys">,
): Promise<void> {
  return recordHostKeys(path, { hostKeyAlias, keys: [], signal });
}

/** Lines of one name, plain or hashed, go; a list that names others too, a pattern and a marked line stay. */
function withoutName(text: string, { path, name }: { path: string; name: string }): string {
  const gone = new Set(
    parseKnownHosts(text, path).entries
      .filter(({ hosts, marker }) => marker === undefined && isOnly(hosts, name))
      .map(({ line }) => line),
  );
  return text.split(/(?<=\n)/).filter((_, index) => !gone.has(index + 1)).join("");
}

function isOnly(hosts: string, name: string): boolean {
  return hosts.startsWith("|") ? matchesHosts(hosts, name) : hosts.toLowerCase() === name;
}

function withNewline(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
