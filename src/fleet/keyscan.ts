import { AppError } from "../base/errors.ts";
import { parseDuration } from "../base/duration.ts";
import { type Environment, expandHome } from "../base/home.ts";
import { toHostError } from "./host_error.ts";
import type { OfferedHostKey } from "../ssh/client/host_key_verifier.ts";
import { scanHostKeys } from "../ssh/client/scan_host_keys.ts";
import { fingerprint, formatPublicKey } from "../ssh/keys/public_key.ts";
import { appendHostKey } from "../ssh/known_hosts/append_host_key.ts";
import { hashHostName } from "../ssh/known_hosts/hashed_name.ts";
import { knownHostName } from "../ssh/known_hosts/host_names.ts";
import { loadKnownHosts } from "../ssh/known_hosts/lookup_host_key.ts";
import type { Connector } from "./connector.ts";
import type { HostOptions } from "./fleet_options.ts";
import type { HostSettings } from "./host_settings.ts";
import type { HostResult } from "./results.ts";

/** The kinds of host key that can be asked for. */
export type HostKeyKind = "ed25519" | "ecdsa" | "rsa";

/** One host key as a server showed it. */
export interface SSHHostKey {
  readonly host: string;
  readonly port: number;
  /** `ssh-ed25519`. */
  readonly type: string;
  /** `type base64`. */
  readonly publicKey: string;
  /** `SHA256:...`. */
  readonly fingerprint: string;
  /** For a known_hosts file, without a newline. */
  readonly line: string;
  /** The same with the name hashed (HashKnownHosts). */
  readonly hashedLine: string;
}

/** The host keys of one host, or why there are none. */
export interface SSHKeyscanResult extends HostResult {
  readonly keys: readonly SSHHostKey[];
  /** How many of them were added to the file, with `save`. */
  readonly saved: number;
}

/** Options of a scan. */
export interface KeyscanOptions {
  readonly type?: HostKeyKind;
  /** All three unless given. */
  readonly types?: readonly HostKeyKind[];
  /** For each connection, `5s`. */
  readonly timeout?: string;
  /** Adds the keys to the known_hosts file `path`; what is there already is not added again. */
  readonly save?: boolean;
  /** Else the client's `knownHostsFile`, else the first that ssh would read. */
  readonly path?: string;
  /** Hides host names in the lines that are saved. */
  readonly hash?: boolean;
  /** Told of each host as it is done. */
  readonly onResult?: (result: SSHKeyscanResult) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

const KEY_TYPES: Readonly<Record<HostKeyKind, readonly string[]>> = {
  ed25519: ["ssh-ed25519"],
  ecdsa: ["ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"],
  rsa: ["ssh-rsa"],
};

/** The key types that a scan asks for. @throws AppError `usage` for a kind that there is not. */
export function listKeyTypes({ type, types }: Pick<KeyscanOptions, "type" | "types">): string[] {
  const kinds = types ?? (type === undefined ? ["ed25519", "ecdsa", "rsa"] as const : [type]);
  return kinds.flatMap((kind) => {
    const known = KEY_TYPES[kind];
    if (known) return known;
    throw new AppError("usage", `There is no host key type ${JSON.stringify(kind)}: it is ed25519, ecdsa or rsa`);
  });
}

/** Scans one host. Never rejects: what went wrong is in the result. */
export async function keyscanHost(
  host: HostOptions,
  { connector, options, environment }: {
    connector: Connector;
    options: KeyscanOptions;
    environment: Environment;
  },
): Promise<SSHKeyscanResult> {
  const startedAt = performance.now();
  try {
    const settings = await connector.resolve(host);
    const offered = await scanHostKeys({
      dial: connector.dialerOf(settings),
      host: host.host,
      sshWords: settings.sshWords,
      keyTypes: listKeyTypes(options),
      timeoutMs: parseDuration(options.timeout ?? "5s", "timeout"),
      signal: options.signal,
    });
    const keys = await Promise.all(offered.map((key) => describeKey(host.host, { key, settings })));
    const saved = options.save ? await saveKeys(offered, { settings, options, environment }) : 0;
    return { host: host.host, ok: true, dryRun: false, keys, saved, durationMs: elapsed(startedAt) };
  } catch (error) {
    const failure = toHostError(error);
    return {
      host: host.host,
      ok: false,
      dryRun: false,
      keys: [],
      saved: 0,
      error: failure,
      durationMs: elapsed(startedAt),
    };
  }
}

async function describeKey(
  host: string,
  { key: { type, blob }, settings }: { key: OfferedHostKey; settings: HostSettings },
): Promise<SSHHostKey> {
  const bytes = new Uint8Array(blob);
  const publicKey = formatPublicKey({ type, blob: bytes, comment: "" });
  const name = settings.hostKeyAlias ?? knownHostName(settings.hostname, settings.port);
  return {
    host,
    port: settings.port,
    type,
    publicKey,
    fingerprint: await fingerprint(bytes),
    line: `${name} ${publicKey}`,
    hashedLine: `${hashHostName(name)} ${publicKey}`,
  };
}

/** Adds what is not there yet. @throws AppError `host_key_mismatch` when the file has another key of the host. */
async function saveKeys(
  offered: readonly OfferedHostKey[],
  { settings, options, environment }: { settings: HostSettings; options: KeyscanOptions; environment: Environment },
): Promise<number> {
  const path = options.path ? expandHome(options.path, environment) : settings.knownHostsFiles[0];
  if (path === undefined) throw new AppError("config_invalid", "There is no known_hosts file to save to");
  const { hostname: host, port, hostKeyAlias } = settings;
  const place = { host, port, hostKeyAlias };
  const known = await loadKnownHosts([path], options.signal);
  const missing: OfferedHostKey[] = [];
  for (const key of offered) {
    const verdict = await known.lookup({ ...place, blob: key.blob });
    if (verdict.kind === "match") continue;
    // Another type than those that are filed is one more key; the same type with another key is a change.
    if (verdict.kind === "unknown" || (verdict.kind === "changed" && verdict.known.type !== key.type)) {
      missing.push(key);
    } else throw differs(settings.name, { known: verdict.known, offered: verdict.offered });
  }
  for (const { type, blob } of missing) {
    const key = formatPublicKey({ type, blob: new Uint8Array(blob), comment: "" });
    await appendHostKey(path, { ...place, key, hash: options.hash ?? false, signal: options.signal });
  }
  return missing.length;
}

function differs(
  name: string,
  { known, offered }: { known: { path: string; line: number; fingerprint: string }; offered: string },
): AppError {
  return new AppError(
    "host_key_mismatch",
    `Not saved: ${known.path}:${known.line} has ${known.fingerprint} for ${
      JSON.stringify(name)
    }, the host showed ${offered}`,
    { details: { known: known.fingerprint, offered, path: known.path, line: known.line } },
  );
}

function elapsed(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}
