import { defineCommand } from "../command.ts";
import { HOST_FLAGS, POLICY_FLAGS, TRANSFER_FLAGS } from "../fleet_flags.ts";
import { openFleetClient } from "../open_fleet.ts";
import { formatTransfer, runTransfer, transferOptions, transferWords } from "../run_transfer.ts";

/** `porthole upload HOSTS SOURCE DESTINATION`: a local file or tree to many hosts. */
export const upload = defineCommand({
  name: "upload",
  summary: "Copy a file or a folder to many hosts",
  flags: { ...HOST_FLAGS, ...POLICY_FLAGS, ...TRANSFER_FLAGS },
  positionals: [
    { name: "HOSTS", summary: "Names, aliases, web[1-20,30], @group; not needed with --hosts-file", isOptional: true },
    { name: "SOURCE", summary: "A file or a folder here", isOptional: true },
    {
      name: "DESTINATION",
      summary: "Where it goes there; into it, if it is a folder or ends with a slash",
      isOptional: true,
    },
  ],
  examples: [
    "porthole upload @web app.conf /etc/app.conf --mode 0644",
    "porthole upload 'web[1-3]' site/ /srv/ --recursive --checksum",
  ],
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
    const events = client.uploadEvents(src, dst, transferOptions(flags, context.signal));
    return yield* runTransfer(events, { total: client.hosts.length, ...flags, context });
  },
  format: (result) => formatTransfer(result, true),
});
