import { shellQuote } from "../../base/shell_quote.ts";
import { type Cidr, isPrivateAddress } from "./cidr.ts";
import { ADDRESS_PLACEHOLDER } from "./own_address.ts";

/** The clouds whose firewalls Valohai's guide for administrators describes. */
export const CLOUDS = ["aws", "gcp", "azure"] as const;
/** One of {@link CLOUDS}. */
export type Cloud = typeof CLOUDS[number];
/** What people call them. */
export const CLOUD_NAMES: Readonly<Record<Cloud, string>> = { aws: "AWS", gcp: "Google Cloud", azure: "Azure" };

/** What the rule lets through. */
export interface FirewallOptions {
  readonly port: number;
  /** Who may connect; undefined where nobody here can know it. */
  readonly source: Cidr | undefined;
  /** Azure: where its network security group is. */
  readonly resourceGroup?: string | undefined;
  /** Azure: the network security group of the workers. */
  readonly nsg?: string | undefined;
  /** Google Cloud: the workers' network, where it is not `default`. */
  readonly network?: string | undefined;
}

/** Commands for a shell, in their order. */
export interface FirewallCommands {
  readonly cloud: Cloud;
  readonly add: readonly string[];
  readonly remove: readonly string[];
  /** What must be known besides, each a sentence. */
  readonly notes: readonly string[];
}

/** Where `0.0.0.0/0` would stand in the guide: the source, else what no shell and no cloud takes. */
function sourceText(source: Cidr | undefined): string {
  return source?.text ?? ADDRESS_PLACEHOLDER;
}

/**
 * The rule that lets one source reach the SSH port of Valohai's workers, and its removal, with the names that Valohai's
 * guide for administrators gives: security group `valohai-sg-workers`, rule `valohai-fr-worker-ssh` for the tag
 * `valohai-worker`, rule `AllowValohaiSSH` with priority 1000.
 */
export function firewallCommands(cloud: Cloud, options: FirewallOptions): FirewallCommands {
  const { add, remove, notes } = { aws, gcp, azure }[cloud](options);
  return { cloud, add, remove, notes: [...notes, ...sourceNotes(options)] };
}

type Rules = Omit<FirewallCommands, "cloud">;

const AWS_GROUP = "GROUP_ID=$(aws ec2 describe-security-groups --filters Name=group-name,Values=valohai-sg-workers " +
  "--query 'SecurityGroups[0].GroupId' --output text)";

function aws({ port, source }: FirewallOptions): Rules {
  const ranges = source?.family === "IPv6"
    ? `Ipv6Ranges=[{CidrIpv6=${source.text}}]`
    : `IpRanges=[{CidrIp=${sourceText(source)}}]`;
  const permission = `--ip-permissions ${
    quoteUnlessPlaceholder(
      `IpProtocol=tcp,FromPort=${port},ToPort=${port},${ranges}`,
      source,
    )
  }`;
  return {
    add: [AWS_GROUP, `aws ec2 authorize-security-group-ingress --group-id "$GROUP_ID" ${permission}`],
    remove: [AWS_GROUP, `aws ec2 revoke-security-group-ingress --group-id "$GROUP_ID" ${permission}`],
    notes: ["The security group is valohai-sg-workers; add --region and --profile where they are not the default."],
  };
}

function gcp({ port, source, network }: FirewallOptions): Rules {
  const where = network === undefined ? "" : ` --network=${shellQuote(network)}`;
  return {
    add: [
      `gcloud compute firewall-rules create valohai-fr-worker-ssh${where} --direction=INGRESS --action=ALLOW ` +
      `--rules=tcp:${port} --source-ranges=${sourceText(source)} --target-tags=valohai-worker`,
    ],
    remove: ["gcloud compute firewall-rules delete valohai-fr-worker-ssh"],
    notes: [
      "If the rule is there already: gcloud compute firewall-rules describe valohai-fr-worker-ssh shows its sources, " +
      "and update in place of create replaces them all.",
      ...(network === undefined ? ["The rule goes to the network default; --network names another."] : []),
    ],
  };
}

function azure({ port, source, resourceGroup, nsg }: FirewallOptions): Rules {
  const group = resourceGroup === undefined ? "<RESOURCE-GROUP>" : shellQuote(resourceGroup);
  const where = `--resource-group ${group} --nsg-name ${nsg === undefined ? "<WORKERS-NSG>" : shellQuote(nsg)}`;
  return {
    add: [
      `az network nsg rule create ${where} --name AllowValohaiSSH --priority 1000 --direction Inbound --access Allow ` +
      `--protocol Tcp --source-address-prefixes ${sourceText(source)} --source-port-ranges '*' ` +
      `--destination-address-prefixes '*' --destination-port-ranges ${port}`,
    ],
    remove: [`az network nsg rule delete ${where} --name AllowValohaiSSH`],
    notes: resourceGroup === undefined || nsg === undefined
      ? ["az network nsg list --output table shows the group of the workers: name it with --resource-group and --nsg."]
      : [],
  };
}

function sourceNotes({ source }: FirewallOptions): string[] {
  if (source === undefined) {
    return [
      "This machine cannot see which address its connections have on the internet, and porthole asks nobody: your router, " +
      "VPN or administrator knows it. Give it with --source 203.0.113.7/32.",
    ];
  }
  return isPrivateAddress(source.text.split("/")[0] ?? "")
    ? [`${source.text} is an address of a private network: the rule helps only when the workers are reached inside it.`]
    : [];
}

/** The placeholder must stay bare: a shell that meets its angle brackets stops instead of running the command. */
function quoteUnlessPlaceholder(text: string, source: Cidr | undefined): string {
  return source === undefined ? text : `'${text}'`;
}
