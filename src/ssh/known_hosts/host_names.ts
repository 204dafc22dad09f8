import { createHmac } from "node:crypto";
import { AppError } from "../../base/errors.ts";

const DEFAULT_PORT = 22;
/** SHA-1 all of it: the salt of a hashed name is as long as the hash (sshd(8), HASH_MAGIC `|1|`). */
const SALT_BYTES = 20;
const HASHED = /^\|1\|([A-Za-z0-9+/]+=*)\|([A-Za-z0-9+/]+=*)$/;

/** The name that known_hosts files a server under: the host in lower case, as `[host]:port` unless that is 22. */
export function knownHostName(host: string, port: number = DEFAULT_PORT): string {
  const name = host.toLowerCase();
  return port === DEFAULT_PORT ? name : `[${name}]:${port}`;
}

/**
 * True when the first field of a known_hosts line means `name` (from {@link knownHostName}).
 *
 * Patterns know `*`, `?` and `!`: one that is negated and fits rules the whole line out.
 */
export function matchesHosts(hosts: string, name: string): boolean {
  if (hosts.startsWith("|")) return matchesHashed(hosts, name);
  let isMatch = false;
  for (const pattern of hosts.toLowerCase().split(",")) {
    if (pattern.startsWith("!")) {
      if (matchesPattern(pattern.slice(1), name)) return false;
    } else if (!isMatch) isMatch = matchesPattern(pattern, name);
  }
  return isMatch;
}

function matchesHashed(hosts: string, name: string): boolean {
  const [, salt, hash] = HASHED.exec(hosts) ?? [];
  if (salt === undefined || hash === undefined) return false;
  try {
    return hmacSha1(salt, name) === hash;
  } catch {
    return false; // The salt is not base64 after all: such a line names no host.
  }
}

/** True when `pattern` with `*` and `?` fits the whole of `text` (ssh_config(5), PATTERNS). */
export function matchesPattern(pattern: string, text: string): boolean {
  let at = 0;
  let inPattern = 0;
  let starAt = -1;
  let resumeAt = 0;
  while (at < text.length) {
    const char = pattern[inPattern];
    if (char === "*") {
      starAt = inPattern++;
      resumeAt = at;
    } else if (char !== undefined && (char === "?" || char === text[at])) {
      inPattern++;
      at++;
    } else if (starAt >= 0) {
      inPattern = starAt + 1;
      at = ++resumeAt;
    } else return false;
  }
  while (pattern[inPattern] === "*") inPattern++;
  return inPattern === pattern.length;
}

/** `name` hashed with a fresh salt, as HashKnownHosts has it: who reads the file does not learn which hosts are in it. */
export function hashHostName(name: string): string {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES)).toBase64();
  return `|1|${salt}|${hmacSha1(salt, name)}`;
}

function hmacSha1(saltBase64: string, name: string): string {
  return createHmac("sha1", Uint8Array.fromBase64(saltBase64)).update(name).digest("base64");
}

/** `name` if it can stand in a line as itself. @throws AppError `config_invalid` for what would be a pattern, a list or more. */
export function assertPlainName(name: string): string {
  // deno-lint-ignore no-control-regex
  if (name !== "" && !/[\s,*?!|#@\x00-\x1f\x7f]/.test(name)) return name;
  throw new AppError("config_invalid", `Cannot write ${JSON.stringify(name)} into known_hosts as the name of a host`);
}
