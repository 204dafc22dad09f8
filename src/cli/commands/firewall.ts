import { AppError } from "../../base/errors.ts";
import { isAnywhere, parseCidr } from "../../providers/valohai/cidr.ts";
import { CLOUDS, firewallCommands } from "../../providers/valohai/firewall.ts";
import { parseDebugPort } from "../../providers/valohai/launch_options.ts";
import { ownAddress } from "../../providers/valohai/own_address.ts";
import { loadTarget } from "../../targets/target_store.ts";
import { type CommandContext, defineCommand } from "../command.ts";

/** `porthole firewall CLOUD`: prints what an administrator runs so that one address can reach Valohai's workers. */
export const firewall = defineCommand({
  name: "firewall",
  summary: "Print the commands that let your address reach Valohai's workers",
  positionals: [{ name: "CLOUD", summary: "aws, gcp or azure: where the workers run" }],
  flags: {
    port: {
      kind: "integer",
      placeholder: "PORT",
      summary: "The port of the executions' SSH server (default: the target's, else 2222)",
    },
    source: {
      kind: "string",
      placeholder: "CIDR|auto",
      default: "auto",
      summary: "Who is let in; auto is this machine's address, where it can be known without asking anybody",
    },
    target: { kind: "string", placeholder: "ALIAS", summary: "The target that is to be reached" },
    network: { kind: "string", placeholder: "NAME", summary: "gcp: the workers' network" },
    "resource-group": { kind: "string", placeholder: "NAME", summary: "azure: the resource group of the workers" },
    nsg: { kind: "string", placeholder: "NAME", summary: "azure: the network security group of the workers" },
    "insecure-allow-anywhere": { kind: "boolean", summary: "Accept a source that is the whole internet" },
  },
  examples: [
    "porthole firewall aws --port 2222 --source 203.0.113.7/32",
    "porthole firewall azure --resource-group valohai --nsg valohai-nsg --source 203.0.113.0/24",
  ],
  async *run({ flags, positionals: [name = ""] }, context) {
    const cloud = CLOUDS.find((each) => each === name);
    if (!cloud) {
      throw new AppError("usage", `Cannot tell which cloud ${JSON.stringify(name)} is`, {
        hint: `It must be one of ${CLOUDS.join(", ")}`,
      });
    }
    const target = await targetPlace(flags.target, context);
    const source = flags.source === "auto"
      ? ownAddress(target?.host, Deno.networkInterfaces())
      : parseCidr(flags.source, "--source");
    if (source && isAnywhere(source) && !flags["insecure-allow-anywhere"]) {
      throw new AppError("usage", `Cannot print a rule for ${source.text}: it lets the whole internet in`, {
        hint: "Name the address you come from with --source, or add --insecure-allow-anywhere",
      });
    }
    yield firewallCommands(cloud, {
      port: parseDebugPort(flags.port ?? target?.port, "--port"),
      source,
      network: flags.network,
      resourceGroup: flags["resource-group"],
      nsg: flags.nsg,
    });
  },
  format: ({ add, remove, notes }) =>
    [
      ...notes.map((note) => `# ${note}`),
      "# To let it in:",
      ...add,
      "# To take it back:",
      ...remove,
      "",
    ].join("\n"),
});

async function targetPlace(
  alias: string | undefined,
  { env }: CommandContext,
): Promise<{ readonly host: string; readonly port: number } | undefined> {
  if (alias === undefined) return undefined;
  const { route } = await loadTarget(env, alias);
  if (route.kind === "tcp") return route;
  throw new AppError("usage", `Cannot open a port for ${JSON.stringify(alias)}: it is reached through a WebSocket`, {
    hint: "Only targets with an address and a port of their own need a rule",
  });
}
