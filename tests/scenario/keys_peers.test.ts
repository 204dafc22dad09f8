import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import ssh2 from "ssh2";
import { generateKey } from "../../src/ssh/keys/generate.ts";
import { parsePrivateKeyFile } from "../../src/ssh/keys/private_key.ts";
import { fingerprint, formatPublicKey } from "../../src/ssh/keys/public_key.ts";
import { hasProgram } from "../support/programs.ts";
import { makeTempHome } from "../support/temp_home.ts";

const LACKS_KEYGEN = !hasProgram("ssh-keygen");

async function keygen(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("ssh-keygen", { args, stdin: "null" }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

for (const kind of ["ed25519", "ecdsa", "rsa"] as const) {
  for (const passphrase of [undefined, "correct horse"]) {
    const title = `ssh-keygen and ssh2 read ${passphrase ? "an encrypted" : "a plain"} ${kind} key of ours`;
    Deno.test({
      name: `${title} (needs ssh-keygen)`,
      ignore: LACKS_KEYGEN,
      fn: async () => {
        await using home = await makeTempHome();
        const path = join(home.path, "id");
        const key = await generateKey(kind, "me@host", { passphrase });
        await Deno.writeTextFile(path, key.privateKey, { mode: 0o600 });
        await Deno.writeTextFile(`${path}.pub`, `${key.publicKey}\n`);
        assert.equal(await keygen("-y", "-P", passphrase ?? "", "-f", path), key.publicKey);
        assert.equal((await keygen("-l", "-f", `${path}.pub`)).split(" ")[1], key.fingerprint);
        const parsed = ssh2.utils.parseKey(key.privateKey, passphrase);
        assert.ok(!(parsed instanceof Error));
        assert.equal(parsed.getPublicSSH().toString("base64"), key.publicBlob.toBase64());
        // ssh2 writes every second ECDSA key as a SEC1 structure that Deno refuses, those of ssh-keygen too.
        if (kind === "ecdsa") return;
        const data = Buffer.from("hello");
        assert.equal(parsed.verify(data, parsed.sign(data)), true);
      },
    });
  }
}

for (const type of ["ed25519", "ecdsa", "rsa"]) {
  Deno.test({
    name: `parsePrivateKeyFile reads ${type} keys of ssh-keygen, plain and encrypted (needs ssh-keygen)`,
    ignore: LACKS_KEYGEN,
    fn: async () => {
      await using home = await makeTempHome();
      for (const passphrase of ["", "correct horse"]) {
        const path = join(home.path, `id${passphrase.length}`);
        await keygen("-q", "-t", type, "-N", passphrase, "-C", "a b", "-f", path);
        const info = await parsePrivateKeyFile(await Deno.readTextFile(path));
        assert.equal(info.isEncrypted, passphrase !== "");
        const line = formatPublicKey({ ...info.publicKey, comment: "a b" });
        assert.equal(line, (await Deno.readTextFile(`${path}.pub`)).trim());
        assert.equal(await fingerprint(info.publicKey.blob), (await keygen("-l", "-f", path)).split(" ")[1]);
      }
    },
  });
}
