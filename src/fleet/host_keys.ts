import { AppError } from "../base/errors.ts";
import { shellQuote } from "../base/shell_quote.ts";
import type { OfferedHostKey, VerifyHostKey } from "../ssh/client/host_key_verifier.ts";
import { formatPublicKey } from "../ssh/keys/public_key.ts";
import { knownHostName } from "../ssh/known_hosts/host_names.ts";
import {
  type DecidingLine,
  type HostKeyPlace,
  type KnownHosts,
  loadKnownHosts,
} from "../ssh/known_hosts/lookup_host_key.ts";
import { assertHoldsFor } from "../ssh/known_hosts/host_certificate.ts";
import { appendHostKey } from "../ssh/known_hosts/append_host_key.ts";
import type { HostSettings } from "./host_settings.ts";
import { withPort } from "./host_spec.ts";

/** How the key of one host is checked. */
export interface HostKeyCheck {
  /** @throws AppError `host_key_mismatch` with both fingerprints and the line; `host_key_unknown`. */
  readonly verify: VerifyHostKey;
  /** The key types that are filed for the host: to be asked for first. */
  readonly knownTypes: readonly string[];
  /** Whether to ask for a certificate first: known_hosts has an authority for the host. */
  readonly wantsCertificate: boolean;
}

/** The known_hosts files of one call, each set of them read once. */
export interface HostKeys {
  /** @throws AppError `config_invalid` for a file that cannot be read. */
  of(host: HostSettings): Promise<HostKeyCheck>;
}

/** @returns the checks for one call. A key that is accepted as new is filed at once, and known from then on. */
export function openHostKeys(signal?: AbortSignal): HostKeys {
  const files = new Map<string, Promise<KnownHosts>>();
  const load = (paths: readonly string[]): Promise<KnownHosts> => {
    const key = JSON.stringify(paths);
    const known = files.get(key) ?? loadKnownHosts(paths, signal);
    files.set(key, known);
    return known;
  };
  const accepted = new Map<string, Promise<void>>();

  return {
    async of(settings) {
      if (settings.hostKeyCheck === "no") return { verify: () => {}, knownTypes: [], wantsCertificate: false };
      const { hostname: host, port, hostKeyAlias, knownHostsFiles, name } = settings;
      const place: HostKeyPlace = { host, port, hostKeyAlias };
      const known = await load(knownHostsFiles);
      const acceptNew = (key: OfferedHostKey): Promise<void> => {
        const id = `${hostKeyAlias ?? knownHostName(host, port)} ${new Uint8Array(key.blob).toBase64()}`;
        const filing = accepted.get(id) ?? fileKey(knownHostsFiles[0], { place, key, signal });
        accepted.set(id, filing);
        return filing;
      };
      return {
        knownTypes: known.typesOf(place),
        wantsCertificate: known.hasAuthority(place),
        async verify({ certificate, ...key }) {
          const authority = certificate &&
            await known.lookup({ ...place, blob: certificate.authority, marker: "@cert-authority" });
          if (authority?.kind === "revoked") throw refused(name, { ...authority, place, type: "authority" });
          const verdict = await known.lookup({ ...place, blob: key.blob });
          // A key that is known by itself needs no certificate that holds.
          if (verdict.kind === "match") return;
          if (certificate && authority?.kind === "match" && verdict.kind !== "revoked") {
            return await assertHoldsFor(hostKeyAlias ?? host, certificate);
          }
          if (verdict.kind !== "unknown") throw refused(name, { ...verdict, place, type: key.type });
          if (settings.hostKeyCheck !== "accept-new") {
            throw unknown(settings, { offered: verdict.offered, type: key.type });
          }
          await acceptNew(key);
        },
      };
    },
  };
}

async function fileKey(
  path: string | undefined,
  { place, key, signal }: { place: HostKeyPlace; key: OfferedHostKey; signal: AbortSignal | undefined },
): Promise<void> {
  if (path === undefined) throw new AppError("config_invalid", "There is no known_hosts file to add a new key to");
  const line = formatPublicKey({ type: key.type, blob: new Uint8Array(key.blob), comment: "" });
  await appendHostKey(path, { ...place, key: line, signal });
}

function refused(
  name: string,
  { kind, known, offered, place, type }: {
    kind: "changed" | "revoked";
    known: DecidingLine;
    offered: string;
    place: HostKeyPlace;
    type: string;
  },
): AppError {
  const where = `${known.path}:${known.line}`;
  const details = { known: known.fingerprint, offered, path: known.path, line: known.line };
  if (kind === "revoked") {
    return new AppError(
      "host_key_mismatch",
      `The host key of ${JSON.stringify(name)} is revoked by ${where}: ${offered}`,
      {
        details,
      },
    );
  }
  const filedAs = place.hostKeyAlias ?? knownHostName(place.host, place.port);
  return new AppError(
    "host_key_mismatch",
    `The host key of ${JSON.stringify(name)} has changed: ${where} has ${known.type} ${known.fingerprint}, ` +
      `the host showed ${type} ${offered}`,
    {
      hint: `If you know why it changed: ssh-keygen -R ${shellQuote(filedAs)} -f ${shellQuote(known.path)}`,
      details,
    },
  );
}

function unknown(
  { name, port, alias, knownHostsFiles: [first, ...others] }: HostSettings,
  { offered, type }: { offered: string; type: string },
): AppError {
  // ssh_config names several files; a single one was named by the caller, and is where the key is looked for again.
  const file = first === undefined || others.length > 0 ? "" : `--known-hosts ${shellQuote(first)} `;
  const host = alias ? name : withPort(name, port);
  return new AppError("host_key_unknown", `The host key of ${JSON.stringify(name)} is not known: ${type} ${offered}`, {
    hint: `Compare the fingerprint, then add it: porthole keyscan --save ${file}${shellQuote(host)}`,
    details: { offered },
  });
}
