import assert from "node:assert/strict";
import { parseCidr } from "../../../../src/providers/valohai/cidr.ts";
import { CLOUDS, firewallCommands } from "../../../../src/providers/valohai/firewall.ts";
import { ownAddress } from "../../../../src/providers/valohai/own_address.ts";

const source = parseCidr("203.0.113.7", "--source");

Deno.test("firewallCommands for aws opens one port of valohai-sg-workers to one source, and closes it again", () => {
  const { add, remove } = firewallCommands("aws", { port: 2222, source });
  const permission = "'IpProtocol=tcp,FromPort=2222,ToPort=2222,IpRanges=[{CidrIp=203.0.113.7/32}]'";
  assert.match(add[0] ?? "", /valohai-sg-workers/);
  assert.equal(
    add[1],
    `aws ec2 authorize-security-group-ingress --group-id "$GROUP_ID" --ip-permissions ${permission}`,
  );
  assert.equal(
    remove[1],
    `aws ec2 revoke-security-group-ingress --group-id "$GROUP_ID" --ip-permissions ${permission}`,
  );
});

Deno.test("firewallCommands for gcp and azure use the names of Valohai's guide", () => {
  assert.deepEqual(firewallCommands("gcp", { port: 2222, source }).add, [
    "gcloud compute firewall-rules create valohai-fr-worker-ssh --direction=INGRESS --action=ALLOW --rules=tcp:2222 " +
    "--source-ranges=203.0.113.7/32 --target-tags=valohai-worker",
  ]);
  assert.deepEqual(firewallCommands("azure", { port: 2222, source, resourceGroup: "vh", nsg: "vh-nsg" }).add, [
    "az network nsg rule create --resource-group vh --nsg-name vh-nsg --name AllowValohaiSSH --priority 1000 " +
    "--direction Inbound --access Allow --protocol Tcp --source-address-prefixes 203.0.113.7/32 " +
    "--source-port-ranges '*' --destination-address-prefixes '*' --destination-port-ranges 2222",
  ]);
});

for (const cloud of CLOUDS) {
  Deno.test(`firewallCommands for ${cloud} cannot be run by accident without a source`, async () => {
    const { add, notes } = firewallCommands(cloud, { port: 2222, source: undefined });
    assert.ok(notes.some((note) => note.includes("--source")));
    const folder = await Deno.makeTempDir();
    try {
      // A shell stops at the bare angle brackets before it runs anything.
      const { success } = await new Deno.Command("sh", {
        args: ["-c", `aws() { touch ran; }; gcloud() { touch ran; }; az() { touch ran; }; ${add.at(-1)}`],
        cwd: folder,
        stderr: "null",
        stdout: "null",
      }).output();
      assert.equal(success, false);
      await assert.rejects(Deno.stat(`${folder}/ran`), Deno.errors.NotFound);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("parseCidr takes addresses and ranges of both kinds and nothing else", () => {
  assert.equal(parseCidr("198.51.100.0/24", "--source").text, "198.51.100.0/24");
  assert.equal(parseCidr("2001:db8::1", "--source").text, "2001:db8::1/128");
  for (
    const text of [
      "",
      "me",
      "1.2.3",
      "1.2.3.4/33",
      "1.2.3.4/",
      "1.2.3.4/8/8",
      "256.1.1.1",
      "$(id)",
      "1.2.3.4;id",
      "::1/129",
    ]
  ) {
    assert.throws(() => parseCidr(text, "--source"), { code: "usage" });
  }
});

const LAPTOP = [
  { family: "IPv4", address: "127.0.0.1", cidr: "127.0.0.1/8" },
  { family: "IPv4", address: "192.168.1.20", cidr: "192.168.1.20/24" },
] as const;
const SERVER = [...LAPTOP, { family: "IPv4", address: "198.51.100.9", cidr: "198.51.100.9/24" }] as const;

Deno.test("ownAddress tells only what this machine can know of itself", () => {
  assert.equal(ownAddress("52.214.159.193", LAPTOP), undefined);
  assert.equal(ownAddress("52.214.159.193", SERVER)?.text, "198.51.100.9/32");
  assert.equal(ownAddress(undefined, SERVER)?.text, "198.51.100.9/32");
  assert.equal(ownAddress("192.168.1.77", LAPTOP)?.text, "192.168.1.20/32");
  assert.equal(ownAddress("10.1.2.3", LAPTOP), undefined);
  assert.equal(ownAddress("127.0.0.1", LAPTOP)?.text, "127.0.0.1/32");
});
