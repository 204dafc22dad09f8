import { portholeHome } from "../../base/home.ts";
import { defineCommand } from "../command.ts";
import type { KeyCheckOptions } from "../../fleet/key_check.ts";
import { eachResult } from "../each_result.ts";
import { HOST_FLAGS } from "../fleet_flags.ts";
import { accountName, fleetSummary } from "../fleet_summary.ts";
import { openFleetClient } from "../open_fleet.ts";

/** `porthole key-check HOSTS`: would hosts take a key? Asked without its private half. */
export const keyCheck = defineCommand({
  name: "key-check",
  summary: "Ask many hosts whether they would take a public key",
  flags: {
    ...HOST_FLAGS,
    key: {
      kind: "string",
      short: "k",
      placeholder: "FILE",
      summary: "The .pub file, or the private key beside it; porthole's own key unless given",
    },
  },
  positionals: [{ name: "HOSTS", summary: "Names, web[1-20,30], @group, with commas between", isOptional: true }],
  examples: ["porthole key-check @web --key ~/.ssh/id_ed25519.pub"],
  async *run({ flags, positionals }, context) {
    await using client = await openFleetClient({ hosts: positionals, flags, context });
    const total = client.hosts.length;
    using summary = fleetSummary({ total, parallel: flags.parallel }, context);
    const key = flags.key ?? `${portholeHome(context.env)}/id_ed25519`;
    const check = (call: KeyCheckOptions) => client.keyCheck(key, call);
    for await (const result of eachResult(check, { total, signal: context.signal })) {
      summary.result({ ...result, ok: result.ok && result.accepted }, "not accepted");
      yield result;
    }
    summary.finish();
    return summary.exitStatus();
  },
  format: ({ host, ok, user, accepted, fingerprint }) =>
    ok ? `${accountName(user, host)}: ${fingerprint} ${accepted ? "accepted" : "not accepted"}\n` : "",
});
