import { describeError } from "../../base/errors.ts";
import { AppError } from "../../base/errors.ts";
import { fingerprint, isSameBytes } from "../keys/public_key.ts";
import { HostIndex } from "./host_index.ts";
import { knownHostName } from "./host_names.ts";
import { type KnownHostsEntry, parseKnownHosts } from "./known_hosts_line.ts";

/** A line that decided, as an error shows it. */
export interface DecidingLine {
  readonly path: string;
  readonly line: number;
  readonly type: string;
  /** `SHA256:...` of the key on that line. */
  readonly fingerprint: string;
}

/** What known_hosts files say of a key that a server showed. */
export type HostKeyVerdict =
  | { readonly kind: "match"; readonly path: string; readonly line: number }
  /** The host is known by other keys: `known` is the line of the same type, if there is one. */
  | { readonly kind: "changed"; readonly known: DecidingLine; readonly offered: string }
  | { readonly kind: "revoked"; readonly known: DecidingLine; readonly offered: string }
  /** No line names the host. `offered` is the fingerprint of the key that it showed. */
  | { readonly kind: "unknown"; readonly offered: string };

/** A server, as known_hosts files name it. */
export interface HostKeyPlace {
  readonly host: string;
  readonly port?: number;
  /** Asked for in place of host and port, as HostKeyAlias has it. */
  readonly hostKeyAlias?: string | undefined;
}

/** Which server showed which key. */
export interface HostKeyQuestion extends HostKeyPlace {
  readonly blob: Uint8Array;
  /** `@cert-authority` asks whether the key is that of an authority for the host's certificates. */
  readonly marker?: "@cert-authority";
}

/** Known_hosts files, read once. */
export class KnownHosts {
  readonly #index: HostIndex;
  readonly #authorities: HostIndex;

  constructor(entries: readonly KnownHostsEntry[]) {
    this.#index = new HostIndex(entries);
    this.#authorities = new HostIndex(entries.filter(({ marker }) => marker === "@cert-authority"));
  }

  /** The entries that name the host, of whatever marker. */
  entriesOf(place: HostKeyPlace): readonly KnownHostsEntry[] {
    return this.#index.entriesOf(nameOf(place));
  }

  /** The key types that are known of a host, in the order of the files: what to ask the server for first. */
  typesOf(host: HostKeyPlace): string[] {
    const plain = this.entriesOf(host).filter(({ marker }) => marker === undefined);
    return [...new Set(plain.map(({ key }) => key.type))];
  }

  /** Whether there is an authority for certificates of the host: then one is worth asking for. */
  hasAuthority(place: HostKeyPlace): boolean {
    const { host, hostKeyAlias } = place;
    return this.#authorities.entriesOf(nameOf(place)).length > 0 ||
      (hostKeyAlias === undefined && this.#authorities.entriesOf(nameOf({ host })).length > 0);
  }

  /**
   * What the files say, by ssh's rules: a revoked key loses first, then one equal key is enough, then any other key of the
   * host means that it changed. A host on another port than 22 is also good under its plain name, never changed by it.
   */
  async lookup(question: HostKeyQuestion): Promise<HostKeyVerdict> {
    const { host, port, hostKeyAlias } = question;
    const verdict = await decide(this.entriesOf(question), question);
    if (verdict.kind !== "unknown" || hostKeyAlias !== undefined || port === undefined) return verdict;
    const plain = await decide(this.entriesOf({ host }), question);
    return plain.kind === "changed" ? verdict : plain;
  }
}

function nameOf({ host, port, hostKeyAlias }: HostKeyPlace): string {
  return hostKeyAlias === undefined ? knownHostName(host, port) : hostKeyAlias.toLowerCase();
}

async function decide(
  entries: readonly KnownHostsEntry[],
  { blob, marker: wanted }: Pick<HostKeyQuestion, "blob" | "marker">,
): Promise<HostKeyVerdict> {
  const isOffered = ({ key }: KnownHostsEntry) => isSameBytes(key.blob, blob);
  const revoked = entries.find((entry) => entry.marker === "@revoked" && isOffered(entry));
  const plain = entries.filter(({ marker }) => marker === wanted);
  const same = plain.find(isOffered);
  if (same && !revoked) return { kind: "match", path: same.path, line: same.line };
  const offered = await fingerprint(blob);
  if (revoked) return { kind: "revoked", known: await describe(revoked), offered };
  const type = new TextDecoder().decode(blob.subarray(4, 4 + (blob[3] ?? 0)));
  const other = plain.find(({ key }) => key.type === type) ?? plain[0];
  return other ? { kind: "changed", known: await describe(other), offered } : { kind: "unknown", offered };
}

async function describe({ path, line, key }: KnownHostsEntry): Promise<DecidingLine> {
  return { path, line, type: key.type, fingerprint: await fingerprint(key.blob) };
}

/** Reads known_hosts files; those that do not exist count as empty. @throws AppError `config_invalid` for unreadable ones. */
export async function loadKnownHosts(paths: readonly string[], signal?: AbortSignal): Promise<KnownHosts> {
  const parsed = await Promise.all(paths.map(async (path) => {
    signal?.throwIfAborted();
    return parseKnownHosts(await readIfThere(path), path).entries;
  }));
  return new KnownHosts(parsed.flat());
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return "";
    throw new AppError(
      "config_invalid",
      `Cannot read the known_hosts file ${JSON.stringify(path)}: ${describeError(error)}`,
      {
        cause: error,
      },
    );
  }
}
