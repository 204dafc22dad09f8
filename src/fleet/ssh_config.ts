import { join } from "node:path";
import { homeFolder } from "../base/home.ts";
import type { FleetSettings } from "./fleet_options.ts";
import type { LookUpConfig } from "./resolve_settings.ts";
export function openSshConfig({ environment }: FleetSettings): LookUpConfig {
  const home = homeFolder(environment);
  return () =>
    Promise.resolve({
      identityFiles: [],
      knownHostsFiles: [join(home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"],
    });
}
