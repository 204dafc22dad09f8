import { ensureControlFolder } from "../ssh/config/control_path.ts";
import { configPlaces, writeHosts } from "../ssh/config/managed_hosts.ts";
import { fingerprint, parsePublicKey } from "../ssh/keys/public_key.ts";
import type { ConnectResult } from "../targets/connect.ts";
import { renderTargetBlock } from "../targets/ssh_block.ts";
import type { TargetRecord } from "../targets/target.ts";
import type { CommandContext } from "./command.ts";

/** A run that ssh can be told of: what `porthole connect --json` prints, and `porthole launch --json` once it is there. */
export interface ConnectedItem {
  readonly alias: string;
  readonly provider: string;
  readonly runName: string;
  readonly actionName: string;
  readonly route: TargetRecord["route"];
  /** Empty where the far end could not tell its keys and nobody has logged in: the first one seen is then kept. */
  readonly hostKeyFingerprints: readonly string[];
  readonly sshConfig: string;
  readonly writtenTo?: string;
}

/** What becomes of the block. */
export interface BlockChoice {
  /** True to write it into `~/.ssh/config`. */
  readonly writeConfig: boolean;
  /** With it: into a file of our own, which `~/.ssh/config` includes. */
  readonly include: boolean;
  readonly multiplex: boolean;
}

/** The item for a run that has been connected; its block is written where that was asked for, and the next step told. */
export async function connectedItem(
  { record, hostKeys }: ConnectResult,
  { choice, context }: { choice: BlockChoice; context: CommandContext },
): Promise<ConnectedItem> {
  const { env, self, signal } = context;
  const { multiplex, writeConfig, include } = choice;
  const sshConfig = renderTargetBlock(record, { self, env, multiplex });
  if (multiplex) await ensureControlFolder(env);
  const written = writeConfig
    ? await writeHosts(configPlaces(env), [{ name: record.alias, text: sshConfig }], { include, signal })
    : [];
  const writtenTo = written.map(({ path }) => path).join(" and ");
  const hostKeyFingerprints = await Promise.all(hostKeys.map((line) => fingerprint(parsePublicKey(line).blob)));
  tellNext(record, { hostKeyFingerprints, writtenTo, context });
  const { alias, provider, runName, actionName, route } = record;
  return {
    alias,
    provider,
    runName,
    actionName,
    route,
    hostKeyFingerprints,
    sshConfig,
    ...(writtenTo === "" ? {} : { writtenTo }),
  };
}

function tellNext(
  { alias, hostKeyCheck }: TargetRecord,
  { hostKeyFingerprints, writtenTo, context }: {
    hostKeyFingerprints: readonly string[];
    writtenTo: string;
    context: CommandContext;
  },
): void {
  if (hostKeyCheck === "accept-new") {
    context.notice(
      hostKeyFingerprints.length > 0
        ? `The far end could not tell its host key beforehand: ${
          hostKeyFingerprints.join(", ")
        } was seen, and is checked`
        : "The far end cannot tell its host key beforehand: the first one that ssh sees is kept and checked from then on.",
    );
  }
  context.notice(
    writtenTo === ""
      ? `Next: porthole ssh ${alias}, or again with --write-config for plain ssh, sftp and editors`
      : `Wrote ${writtenTo}. Next: ssh ${alias}`,
  );
}
