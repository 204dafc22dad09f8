import { ensureControlFolder } from "../../ssh/config/control_path.ts";
import { configPlaces, writeHosts } from "../../ssh/config/managed_hosts.ts";
import { fingerprint, parsePublicKey } from "../../ssh/keys/public_key.ts";
import type { TargetRecord } from "../../targets/target.ts";
import { renderTargetBlock } from "../../targets/ssh_block.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { connectRun } from "../connect_run.ts";
import { PLACE_FLAGS } from "../choose_provider.ts";
import { ACTION_WORDS } from "../run_reference.ts";

/** `porthole connect RUN`: waits for a job, and makes it a host that ssh knows. */
export const connect = defineCommand({
  name: "connect",
  summary: "Wait for a job and make it a host that ssh knows",
  flags: {
    ...PLACE_FLAGS,
    user: { kind: "string", summary: "The login user; the platform's own unless given" },
    "identity-file": {
      kind: "string",
      placeholder: "FILE",
      summary: "The private key; the one porthole keeps unless given",
    },
    name: { kind: "string", placeholder: "ALIAS", summary: "What ssh is to call it; the run's name unless given" },
    "write-config": { kind: "boolean", summary: "Write the block into ~/.ssh/config" },
    include: {
      kind: "boolean",
      default: false,
      summary: "With --write-config: into a file of our own, which ~/.ssh/config includes",
    },
    multiplex: { kind: "boolean", default: true, summary: "Share one connection between sessions (ControlMaster)" },
    "headers-file": { kind: "string", placeholder: "FILE", summary: "`Name: value` lines sent at every dial; 0600" },
    "ca-file": { kind: "string", placeholder: "FILE", summary: "PEM certificates to trust besides the system's" },
    "api-key": { kind: "boolean", summary: "Union: dial with a long-lived API key, made if need be" },
    "refresh-token": { kind: "boolean", summary: "Union: log in anew, whatever token is stored" },
    timeout: { kind: "duration", default: "300s", summary: "How long to wait until it can be reached" },
    "poll-interval": { kind: "duration", default: "3s", summary: "How often to ask" },
  },
  positionals: [
    { name: "RUN", summary: "The run's name, or a ws:// or wss:// URL behind which an agent listens" },
    ...ACTION_WORDS.slice(1),
  ],
  examples: [
    "porthole connect train --write-config && ssh train",
    "porthole connect wss://jobs.example.com/run-7/ --name run-7 --headers-file ~/.porthole/run-7.headers",
  ],
  async *run({ flags, positionals }, context): AsyncGenerator<ConnectItem> {
    const { record, hostKeys } = await connectRun({ flags, positionals }, context);
    const { multiplex } = flags;
    const sshConfig = renderTargetBlock(record, { self: context.self, env: context.env, multiplex });
    if (multiplex) await ensureControlFolder(context.env);
    const written = flags["write-config"]
      ? await writeBlock(record, { sshConfig, include: flags.include, context })
      : undefined;
    tellNext(record, { written, context });
    yield {
      alias: record.alias,
      provider: record.provider,
      runName: record.runName,
      actionName: record.actionName,
      route: record.route,
      hostKeyFingerprints: await Promise.all(hostKeys.map((line) => fingerprint(parsePublicKey(line).blob))),
      sshConfig,
      ...(written === undefined ? {} : { writtenTo: written }),
    };
  },
  format: ({ sshConfig }) => sshConfig,
});

/** What `porthole connect --json` prints. */
interface ConnectItem {
  readonly alias: string;
  readonly provider: string;
  readonly runName: string;
  readonly actionName: string;
  readonly route: TargetRecord["route"];
  /** Empty where the far end cannot tell its keys: the first one seen is then kept. */
  readonly hostKeyFingerprints: readonly string[];
  readonly sshConfig: string;
  readonly writtenTo?: string;
}

async function writeBlock(
  { alias }: TargetRecord,
  { sshConfig, include, context: { env, signal } }: { sshConfig: string; include: boolean; context: CommandContext },
): Promise<string> {
  const results = await writeHosts(configPlaces(env), [{ name: alias, text: sshConfig }], { include, signal });
  return results.map(({ path }) => path).join(" and ");
}

function tellNext(
  record: TargetRecord,
  { written, context }: { written: string | undefined; context: CommandContext },
): void {
  if (record.hostKeyCheck === "accept-new") {
    context.notice(
      "The far end cannot tell its host key beforehand: the first one that ssh sees is kept and checked from then on.",
    );
  }
  if (written) context.notice(`Wrote ${written}. Next: ssh ${record.alias}`);
  else {context.notice(
      `Next: porthole ssh ${record.alias}, or again with --write-config for plain ssh, sftp and editors`,
    );}
}
