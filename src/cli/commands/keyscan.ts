import { escapeControls } from "../../base/printable.ts";
import type { HostKeyKind, KeyscanOptions, SSHKeyscanResult } from "../../fleet/keyscan.ts";
import { defineCommand } from "../command.ts";
import { eachResult } from "../each_result.ts";
import { HOST_FLAGS } from "../fleet_flags.ts";
import { fleetSummary } from "../fleet_summary.ts";
import { openFleetClient } from "../open_fleet.ts";

/** `porthole keyscan HOSTS`: the host keys that hosts show, as known_hosts lines. */
export const keyscan = defineCommand({
  name: "keyscan",
  summary: "Show the host keys of many hosts, or file them",
  flags: {
    ...HOST_FLAGS,
    type: { kind: "list", short: "t", placeholder: "TYPE", summary: "ed25519, ecdsa or rsa; all three unless given" },
    save: { kind: "boolean", summary: "Add them to known_hosts (--known-hosts, else the user's own)" },
    hash: { kind: "boolean", summary: "Hide the names of the hosts in the lines" },
    fingerprint: { kind: "boolean", summary: "Print fingerprints, to compare with what the host's owner says" },
  },
  positionals: [{ name: "HOSTS", summary: "Names, web[1-20,30], @group, with commas between", isOptional: true }],
  examples: ["porthole keyscan 'web[1-20]' --fingerprint", "porthole keyscan --save web1"],
  async *run({ flags, positionals }, context): AsyncGenerator<SSHKeyscanResult & { readonly text: string }, number> {
    await using client = await openFleetClient({ hosts: positionals, flags, context });
    const total = client.hosts.length;
    using summary = fleetSummary({ total, parallel: flags.parallel }, context);
    let saved = 0;
    const scan = (call: Pick<KeyscanOptions, "onResult" | "signal">) =>
      client.keyscanHosts({
        ...(flags.type.length > 0 ? { types: flags.type as readonly HostKeyKind[] } : {}),
        ...(flags["connect-timeout"] === undefined ? {} : { timeout: `${flags["connect-timeout"]}ms` }),
        save: flags.save ?? false,
        hash: flags.hash ?? false,
        ...call,
      });
    for await (const result of eachResult(scan, { total, signal: context.signal })) {
      summary.result(result);
      saved += result.saved;
      const text = result.keys.map(({ host, type, fingerprint, line, hashedLine }) =>
        flags.fingerprint ? `${host} ${type} ${fingerprint}` : flags.hash ? hashedLine : line
      ).map((line) => `${escapeControls(line)}\n`).join("");
      yield { ...result, text };
    }
    summary.finish();
    if (flags.save) context.notice(saved === 1 ? "1 key was added" : `${saved} keys were added`);
    return summary.exitStatus();
  },
  format: ({ text }) => text,
});
