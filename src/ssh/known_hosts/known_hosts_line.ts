import { parsePublicKey, type PublicKey } from "../keys/public_key.ts";

/** One line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export interface KnownHostsEntry {
  readonly path: string;
  /** Counts from 1. */
  readonly line: number;
  readonly marker?: "@revoked" | "@cert-authority";
  /** As it stands: patterns with commas between them, or one hashed name. */
  readonly hosts: string;
  /** Its comment is what stood behind the key. */
  readonly key: PublicKey;
}

/** What a known_hosts file says. */
export interface ParsedKnownHosts {
  readonly entries: readonly KnownHostsEntry[];
  /** Lines that are neither entries, comments nor empty; ssh passes over them, too. */
  readonly badLines: readonly number[];
}

/** The entries of a known_hosts text. Never throws: what cannot be read is told in `badLines`. `path` is for reports. */
export function parseKnownHosts(text: string, path: string): ParsedKnownHosts {
  const entries: KnownHostsEntry[] = [];
  const badLines: number[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const entry = parseLine(line, { path, line: index + 1 });
    if (entry) entries.push(entry);
    else badLines.push(index + 1);
  }
  return { entries, badLines };
}

function parseLine(text: string, place: { path: string; line: number }): KnownHostsEntry | undefined {
  const [, marker, hosts, rest] = /^(?:(@\S+)[ \t]+)?(\S+)[ \t]+(.*)$/s.exec(text) ?? [];
  if (hosts === undefined || rest === undefined) return undefined;
  if (marker !== undefined && marker !== "@revoked" && marker !== "@cert-authority") return undefined;
  try {
    const key = parsePublicKey(rest);
    return { ...place, ...(marker === undefined ? {} : { marker }), hosts, key };
  } catch {
    return undefined; // A damaged line: the caller counts it.
  }
}

/** The line that files a public key line under `name`, newline at the end, without its comment. @throws AppError `key_invalid`. */
export function formatKnownHostsLine(name: string, publicKeyLine: string): string {
  const { type, blob } = parsePublicKey(publicKeyLine);
  return `${name} ${type} ${blob.toBase64()}\n`;
}
