import assert from "node:assert/strict";
import { join } from "node:path";
import { config } from "../../src/fleet/mod.ts";
import { assertHoldsFor, parseHostCertificate } from "../../src/ssh/known_hosts/host_certificate.ts";
import { makeStage, sshdScenario as scenario } from "../support/fleet_stage.ts";
import { hasProgram } from "../support/programs.ts";
import { run } from "../support/sshd.ts";
import { makeTempHome } from "../support/temp_home.ts";

/** A host key in `folder` with a certificate of an authority, as ssh-keygen's `options` have it. */
async function makeCertificate(folder: string, options: readonly string[], { host = "ecdsa", ca = "ed25519" } = {}) {
  const [hostKey, authority] = [join(folder, "certified"), join(folder, "authority")];
  await run("ssh-keygen", ["-q", "-t", host, "-N", "", "-f", hostKey]);
  await run("ssh-keygen", ["-q", "-t", ca, "-N", "", "-f", authority]);
  await run("ssh-keygen", ["-q", "-s", authority, "-I", "it", ...options, `${hostKey}.pub`]);
  const readKey = async (path: string) => (await Deno.readTextFile(path)).split(" ").slice(0, 2).join(" ");
  return {
    config: [`HostKey ${hostKey}`, `HostCertificate ${hostKey}-cert.pub`],
    authority: await readKey(`${authority}.pub`),
    publicKey: await readKey(`${hostKey}.pub`),
    blob: Uint8Array.fromBase64((await readKey(`${hostKey}-cert.pub`)).split(" ")[1] ?? ""),
  };
}

scenario(
  "a host whose certificate is of an authority in known_hosts is trusted, unless something is revoked",
  async () => {
    await using home = await makeTempHome();
    const { authority, publicKey, ...made } = await makeCertificate(home.path, ["-h", "-n", "127.0.0.1"]);
    await using set = await makeStage({ config: made.config });
    const knownHostsFile = join(home.path, "known");
    const connect = async (lines: string) => {
      await Deno.writeTextFile(knownHostsFile, lines);
      const { error, value } = await config(set.options({ knownHostsFile })).tryExec("echo in");
      return error ? error.message : value?.[0]?.stdout;
    };
    const name = `[127.0.0.1]:${set.sshd.port}`;
    assert.equal(await connect(`@cert-authority ${name} ${authority}\n`), "in\n");
    assert.equal(await connect(`@cert-authority 127.0.0.* ${authority}\n`), "in\n");
    assert.match(await connect(`@cert-authority elsewhere ${authority}\n`) ?? "", /is not known: ssh-ed25519/);
    assert.match(await connect(`@cert-authority * ${publicKey}\n`) ?? "", /is not known: ecdsa-sha2-nistp256/);
    assert.equal(await connect(`@cert-authority * ${set.sshd.hostKey}\n${name} ${publicKey}\n`), "in\n");
    const known = `${name} ${set.sshd.hostKey}\n`;
    assert.equal(
      await connect(`@cert-authority * ${set.sshd.hostKey}\n${known}`),
      "in\n",
      "the certificate is another's",
    );
    for (const revoked of [authority, publicKey]) {
      assert.match(
        await connect(`@revoked * ${revoked}\n@cert-authority * ${authority}\n`) ?? "",
        /is revoked by .*known:1/,
      );
    }
  },
);

scenario("a certificate that does not hold is refused with the reason", async () => {
  await using home = await makeTempHome();
  const { authority, ...made } = await makeCertificate(home.path, ["-h", "-n", "web1,web2"]);
  await using set = await makeStage({ config: made.config });
  const knownHostsFile = join(home.path, "known");
  await Deno.writeTextFile(knownHostsFile, `@cert-authority * ${authority}\n`);
  const { error } = await config(set.options({ knownHostsFile })).tryExec("true");
  assert.equal(error?.code, "host_key_mismatch");
  assert.match(
    error?.message ?? "",
    /^The certificate "it" of "127.0.0.1" cannot be trusted: it is for "web1", "web2"/,
  );
});

for (const [host, ca] of [["ed25519", "ecdsa"], ["ecdsa", "rsa"], ["ed25519", "ed25519"]] as const) {
  Deno.test({
    name: `assertHoldsFor takes an ${host} host key signed by ${ca}, in its time and whole (needs ssh-keygen)`,
    ignore: !hasProgram("ssh-keygen"),
    async fn() {
      await using home = await makeTempHome();
      const options = ["-h", "-n", "web1", "-V", "20260101000000Z:20270101000000Z"];
      const { blob, publicKey } = await makeCertificate(home.path, options, { host, ca });
      const certificate = parseHostCertificate(blob);
      assert.equal(`${certificate.key.type} ${certificate.key.blob.toBase64()}`, publicKey);
      const during = new Date("2026-07-01T00:00:00Z");
      await assertHoldsFor("Web1", certificate, during);
      const isRefused = async (what: string, other: typeof certificate, at: Date, why: RegExp) =>
        await assert.rejects(assertHoldsFor("web1", other, at), { code: "host_key_mismatch", message: why }, what);
      await isRefused("late", certificate, new Date("2027-01-01T00:00:00Z"), /it expired at 2027-01-01/);
      await isRefused("early", certificate, new Date("2025-12-31T00:00:00Z"), /not valid before 2026-01-01/);
      await isRefused("for a user", { ...certificate, isForHosts: false }, during, /for users/);
      await isRefused("with options", { ...certificate, hasCriticalOptions: true }, during, /critical options/);
      const data = certificate.signed.data.map((byte, at) => at === 40 ? byte ^ 1 : byte);
      await isRefused(
        "altered",
        { ...certificate, signed: { ...certificate.signed, data } },
        during,
        /signature is wrong/,
      );
    },
  });
}
