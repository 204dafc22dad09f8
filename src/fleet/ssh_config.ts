import { loadSshConfig, type SshConfig } from "../ssh/config/resolve_ssh_config.ts";
import type { FleetSettings } from "./fleet_options.ts";
import type { LookUpConfig } from "./resolve_settings.ts";

/** Looks hosts up in the user's ssh_config, which is read once, when the first host needs it. */
export function openSshConfig({ options, environment }: FleetSettings, signal: AbortSignal | undefined): LookUpConfig {
  const { sshConfigFile } = options;
  const files = sshConfigFile === false ? [] : sshConfigFile === undefined ? undefined : [sshConfigFile];
  let loaded: Promise<SshConfig> | undefined;
  const told = new Set<string>();
  return async (question) => {
    loaded ??= loadSshConfig({ env: environment, ...(files ? { files } : {}), signal });
    const config = (await loaded).resolve(question);
    for (const notice of config.notices) if (!told.has(notice)) options.onNotice?.(notice);
    for (const notice of config.notices) told.add(notice);
    return config;
  };
}
