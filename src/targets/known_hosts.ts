import { type Environment, portholeHome } from "../base/home.ts";

/** The file with the host keys of targets: ours, so that the user's own known_hosts never fills with short-lived jobs. */
export function targetKnownHosts(env: Environment): string {
  return `${portholeHome(env)}/known_hosts`;
}
