import { AppError } from "../../base/errors.ts";
import { isHashedName, parseHashedName } from "./hashed_name.ts";

const DEFAULT_PORT = 22;

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
  const hashed = parseHashedName(hosts);
  return hashed !== undefined && isHashedName(hashed, new TextEncoder().encode(name));
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

/** `name` if it can stand in a line as itself. @throws AppError `config_invalid` for what would be a pattern, a list or more. */
export function assertPlainName(name: string): string {
  // deno-lint-ignore no-control-regex
  if (name !== "" && !/[\s,*?!|#@\x00-\x1f\x7f]/.test(name)) return name;
  throw new AppError("config_invalid", `Cannot write ${JSON.stringify(name)} into known_hosts as the name of a host`);
}
