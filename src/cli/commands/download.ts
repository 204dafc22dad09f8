import { defineCommand } from "../command.ts";
import { HOST_FLAGS, POLICY_FLAGS, TRANSFER_FLAGS } from "../fleet_flags.ts";
import { openFleetClient } from "../open_fleet.ts";
import { formatTransfer, runTransfer, transferOptions, transferWords } from "../run_transfer.ts";

/** `porthole download HOSTS SOURCE DESTINATION`: a remote file or tree from many hosts. */
export const download = defineCommand({
  name: "download",
  summary: "Copy a file or a folder from many hosts",
  flags: { ...HOST_FLAGS, ...POLICY_FLAGS, ...TRANSFER_FLAGS },
  positionals: [
    { name: "HOSTS", summary: "Names, aliases, web[1-20,30], @group; not needed with --hosts-file", isOptional: true },
    { name: "SOURCE", summary: "A file or a folder there", isOptional: true },
    {
      name: "DESTINATION",
      summary: "Where it goes here; with several hosts each name gets its host behind it",
      isOptional: true,
    },
  ],
  examples: ["porthole download @web /var/log/app.log ./logs/", "porthole download db1 backup.tar . --resume"],
  async *run({ flags, positionals }, context) {
    const { hosts, src, dst } = transferWords(positionals, flags["hosts-file"]);
    await using client = await openFleetClient({
      hosts,
      flags,
      context,
      more: {
        onError: flags["fail-fast"] ? "stop" : "continue",
        canary: flags.canary ?? 0,
        dryRun: flags["dry-run"] ?? false,
      },
    });
    const events = client.downloadEvents(src, dst, transferOptions(flags, context.signal));
    return yield* runTransfer(events, { total: client.hosts.length, ...flags, context });
  },
  format: (result) => formatTransfer(result, false),
});
