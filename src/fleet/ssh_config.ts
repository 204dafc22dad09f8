import { loadSshConfig, type SshConfig } from "../ssh/config/resolve_ssh_config.ts";
import type { FleetSettings } from "./fleet_options.ts";
import { describeLocalFault } from "./local_fault.ts";
import type { LookUpConfig } from "./resolve_settings.ts";

/** @throws AppError `not_found` when the caller named an ssh_config that cannot be opened, as ssh -F does. */
export async function assertSshConfig({ options: { sshConfigFile } }: FleetSettings): Promise<void> {
  if (typeof sshConfigFile !== "string" || sshConfigFile === "none") return;
  try {
    (await Deno.open(sshConfigFile)).close();
  } catch (error) {
    throw describeLocalFault(error, { verb: "read", path: sshConfigFile });
  }
}

/** Looks hosts up in the user's ssh_config, which is read once, when the first host needs it. */
export function openSshConfig({ options, environment }: FleetSettings, signal: AbortSignal | undefined): LookUpConfig {
  const { sshConfigFile } = options;
  const isNone = sshConfigFile === false || sshConfigFile === "none";
  const files = isNone ? [] : sshConfigFile === undefined ? undefined : [sshConfigFile];
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
