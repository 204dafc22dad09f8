import { portholeHome } from "../../base/home.ts";
import { defineCommand } from "../command.ts";
import type { CopyIdOptions } from "../../fleet/copy_id.ts";
import { askSudoPassword } from "../ask_sudo_password.ts";
import { eachResult } from "../each_result.ts";
import { HOST_FLAGS, POLICY_FLAGS, SUDO_FLAGS } from "../fleet_flags.ts";
import { accountName, fleetSummary } from "../fleet_summary.ts";
import { openFleetClient } from "../open_fleet.ts";

/** `porthole copy-id HOSTS`: lets a public key in, once. */
export const copyId = defineCommand({
  name: "copy-id",
  summary: "Add a public key to authorized_keys on many hosts",
  flags: {
    ...HOST_FLAGS,
    ...POLICY_FLAGS,
    key: {
      kind: "string",
      short: "k",
      placeholder: "FILE",
      summary: "The .pub file, or the private key beside it; porthole's own key unless given",
    },
    ...SUDO_FLAGS,
    "as-user": { kind: "string", placeholder: "NAME", summary: "Add it for this account, through sudo" },
    "key-check": { kind: "boolean", summary: "Ask first whether the host takes the key already" },
  },
  positionals: [{ name: "HOSTS", summary: "Names, web[1-20,30], @group, with commas between", isOptional: true }],
  examples: ["porthole copy-id 'web[1-3]' --key ~/.ssh/id_ed25519.pub"],
  async *run({ flags, positionals }, context) {
    await using client = await openFleetClient({
      hosts: positionals,
      flags,
      context,
      more: {
        onError: flags["fail-fast"] ? "stop" : "continue",
        canary: flags.canary ?? 0,
        ...(flags.timeout === undefined ? {} : { commandTimeout: `${flags.timeout}ms` }),
        ...(flags["ask-sudo-password"] ? { sudoPassword: await askSudoPassword(context) } : {}),
      },
    });
    const total = client.hosts.length;
    using summary = fleetSummary({ total, ...flags }, context);
    const key = flags.key ?? `${portholeHome(context.env)}/id_ed25519`;
    const copy = (call: Pick<CopyIdOptions, "onResult" | "signal">) =>
      client.copyId(key, {
        asUser: flags["as-user"],
        sudo: flags.sudo,
        keyCheck: flags["key-check"] ?? false,
        dryRun: flags["dry-run"] ?? false,
        ...call,
      });
    for await (const result of eachResult(copy, { total, signal: context.signal })) {
      summary.result(result);
      yield result;
    }
    summary.finish();
    return summary.exitStatus();
  },
  format: ({ host, ok, user, added, dryRun, fingerprint }) => {
    if (!ok) return "";
    const what = dryRun ? "would be added" : added ? "added" : "was there already";
    return `${accountName(user, host)}: ${fingerprint} ${what}\n`;
  },
});
