import { type Environment, portholeHome } from "../base/home.ts";
import { formatPublicKey } from "../ssh/keys/public_key.ts";
import { loadKnownHosts } from "../ssh/known_hosts/lookup_host_key.ts";

/** The file with the host keys of targets: ours, so that the user's own known_hosts never fills with short-lived jobs. */
export function targetKnownHosts(env: Environment): string {
  return `${portholeHome(env)}/known_hosts`;
}

/** The host keys that are kept of a target, as public key lines; empty before anybody has logged in to it. */
export async function keptHostKeys(env: Environment, hostKeyAlias: string): Promise<readonly string[]> {
  const known = await loadKnownHosts([targetKnownHosts(env)]);
  return known.entriesOf({ host: hostKeyAlias, hostKeyAlias }).map(({ key }) => formatPublicKey(key));
}
