import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { join } from "node:path";
import { ensureKeypair } from "../../src/ssh/keys/ensure_keypair.ts";
import { generateEd25519 } from "../../src/ssh/keys/generate.ts";
import { rotateKeypair } from "../../src/ssh/keys/rotate_keypair.ts";
import { makeTempHome } from "../support/temp_home.ts";

const IS_WINDOWS = Deno.build.os === "windows";
const ASK = new URL("../../src/ssh/keys/ensure_keypair.ts", import.meta.url).href;

async function modeOf(path: string): Promise<number> {
  return ((await Deno.lstat(path)).mode ?? 0) & 0o777;
}

async function snapshot(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile) files[name] = await Deno.readTextFile(join(folder, name));
  }
  return files;
}

Deno.test("ensureKeypair makes the key once, 0600 in a 0700 folder, then reuses it", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, "a", "b", "id_ed25519");
  const made = await ensureKeypair({ path, comment: "me@host" });
  assert.equal(made.created, true);
  assert.equal(made.type, "ssh-ed25519");
  assert.equal(await Deno.readTextFile(`${path}.pub`), `${made.publicKey}\n`);
  if (!IS_WINDOWS) {
    assert.equal(await modeOf(path), 0o600);
    assert.equal(await modeOf(join(home.path, "a")), 0o700);
    assert.equal(await modeOf(join(home.path, "a", "b")), 0o700);
  }
  const before = await snapshot(join(home.path, "a", "b"));
  assert.deepEqual(Object.keys(before).sort(), ["id_ed25519", "id_ed25519.pub"]);
  assert.deepEqual(await ensureKeypair({ path, comment: "other" }), { ...made, created: false });
  assert.deepEqual(await snapshot(join(home.path, "a", "b")), before);
});

Deno.test("ten processes that call ensureKeypair at once get the same key, made once, and leave no file behind", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, "new", "id_ed25519");
  const script = `import { ensureKeypair } from ${JSON.stringify(ASK)};
    const byte = new Uint8Array(1);
    await Deno.stdout.write(new Uint8Array([46]));
    await Deno.stdin.read(byte);
    const { fingerprint, created } = await ensureKeypair({ path: ${JSON.stringify(path)} });
    console.log(JSON.stringify({ fingerprint, created }));`;
  const file = join(home.path, "ask.ts");
  await Deno.writeTextFile(file, script);
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const children = Array.from({ length: 10 }, () =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", "-A", "--config", config, file],
      clearEnv: true,
      env: home.environment(),
      stdin: "piped",
      stdout: "piped",
    }).spawn());
  const readers = children.map((child) => child.stdout.getReader());
  await Promise.all(readers.map((reader) => reader.read()));
  await Promise.all(children.map(async ({ stdin }) => {
    const writer = stdin.getWriter();
    await writer.write(new Uint8Array([10]));
    await writer.close();
  }));
  const results = await Promise.all(readers.map(async (reader) => {
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += new TextDecoder().decode(part.value);
    }
    return JSON.parse(text);
  }));
  for (const child of children) assert.equal((await child.status).code, 0);
  assert.equal(new Set(results.map(({ fingerprint }) => fingerprint)).size, 1);
  assert.equal(results.filter(({ created }) => created).length, 1);
  assert.deepEqual(Object.keys(await snapshot(join(home.path, "new"))).sort(), ["id_ed25519", "id_ed25519.pub"]);
});

Deno.test({
  name: "ensureKeypair refuses a private key with loose modes and says the chmod to run",
  ignore: IS_WINDOWS,
  fn: async () => {
    await using home = await makeTempHome();
    const path = join(home.path, "it's", "id");
    await ensureKeypair({ path });
    await Deno.chmod(path, 0o640);
    await assert.rejects(ensureKeypair({ path }), {
      code: "unsafe_file",
      message: `The private key ${JSON.stringify(path)} must be readable by its owner alone (0600): its mode is 0640`,
      hint: `chmod 600 '${path.replace("'", "'\\''")}'`,
    });
    assert.equal(await modeOf(path), 0o640);
  },
});

Deno.test({
  name: "ensureKeypair refuses a folder that others can write into",
  ignore: IS_WINDOWS,
  fn: async () => {
    await using home = await makeTempHome();
    const folder = join(home.path, "open");
    await Deno.mkdir(folder);
    await Deno.chmod(folder, 0o777);
    await assert.rejects(ensureKeypair({ path: join(folder, "id") }), {
      code: "unsafe_file",
      message: `The folder ${JSON.stringify(folder)} must be writable by its owner alone (0700): its mode is 0777`,
      hint: `chmod 700 ${folder}`,
    });
    assert.deepEqual(await snapshot(folder), {});
  },
});

Deno.test("ensureKeypair writes a missing .pub from the private key, comment included", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, "id");
  const made = await ensureKeypair({ path, comment: "my laptop" });
  await Deno.remove(`${path}.pub`);
  const again = await ensureKeypair({ path });
  assert.deepEqual(again, { ...made, created: false });
  assert.equal(await Deno.readTextFile(`${path}.pub`), `${made.publicKey}\n`);
});

Deno.test("ensureKeypair changes nothing when the .pub belongs to another key", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, "id");
  const made = await ensureKeypair({ path });
  const other = await generateEd25519("other");
  await Deno.writeTextFile(`${path}.pub`, `${other.publicKey}\n`);
  const before = await snapshot(home.path);
  await assert.rejects(ensureKeypair({ path }), {
    code: "key_invalid",
    message: `The public key ${JSON.stringify(`${path}.pub`)} must belong to ${
      JSON.stringify(path)
    } (${made.fingerprint}): it is another key (${other.fingerprint})`,
    hint: `If the private key is the right one: rm ${path}.pub, and it is written anew`,
  });
  assert.deepEqual(await snapshot(home.path), before);
});

Deno.test("ensureKeypair changes nothing when the private key is damaged, empty or gone", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, "id");
  await ensureKeypair({ path });
  const whole = await Deno.readTextFile(path);
  for (const text of ["", whole.slice(0, 100), whole.replace(/[A-Za-z]=*\n-----END/, "%\n-----END")]) {
    await Deno.writeTextFile(path, text);
    const before = await snapshot(home.path);
    await assert.rejects(ensureKeypair({ path }), {
      code: "key_invalid",
      hint: "Restore it from a copy, or move it away and make another: porthole keys ensure",
    });
    assert.deepEqual(await snapshot(home.path), before);
  }
  await Deno.writeTextFile(path, whole);
  await Deno.writeTextFile(`${path}.pub`, "");
  await assert.rejects(ensureKeypair({ path }), {
    code: "key_invalid",
    hint: `It is written anew from the private key once it is gone: rm ${path}.pub`,
  });
  await Deno.remove(path);
  const before = await snapshot(home.path);
  await assert.rejects(ensureKeypair({ path }), {
    code: "key_invalid",
    message: `The public key ${JSON.stringify(`${path}.pub`)} has no private key beside it: ${
      JSON.stringify(path)
    } does not exist`,
  });
  assert.deepEqual(await snapshot(home.path), before);
});

Deno.test("ensureKeypair follows a link to a key and refuses one that leads nowhere", async () => {
  await using home = await makeTempHome();
  const real = join(home.path, "dotfiles", "key");
  const path = join(home.path, "id");
  await Deno.symlink(real, path);
  await assert.rejects(ensureKeypair({ path }), {
    code: "key_invalid",
    message: `The private key ${JSON.stringify(path)} is a link to a file that does not exist`,
  });
  const made = await ensureKeypair({ path: real });
  assert.equal((await ensureKeypair({ path })).fingerprint, made.fingerprint);
  const rotated = await rotateKeypair({ path });
  assert.equal((await Deno.lstat(path)).isSymlink, true);
  assert.equal((await ensureKeypair({ path })).fingerprint, rotated.fingerprint);
});

Deno.test("ensureKeypair says where it cannot write", async () => {
  await using home = await makeTempHome();
  const file = join(home.path, "file");
  await Deno.writeTextFile(file, "");
  const path = join(file, ".porthole", "id");
  await assert.rejects(ensureKeypair({ path }), (error: { code: string; message: string; hint: string }) => {
    assert.equal(error.code, "config_invalid");
    assert.ok(error.message.startsWith(`Cannot write ${JSON.stringify(path)}: `), error.message);
    assert.match(error.hint, /PORTHOLE_HOME/);
    return true;
  });
});

Deno.test("ensureKeypair refuses to take an ed25519 key for the RSA key that was asked for", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, "id");
  await ensureKeypair({ path });
  await assert.rejects(ensureKeypair({ path, type: "rsa" }), {
    code: "already_exists",
    message: `Needed a key of type "rsa" at ${JSON.stringify(path)}: found "ssh-ed25519"`,
  });
});

Deno.test("ensureKeypair makes nothing once its signal is aborted", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, "new", "id");
  await assert.rejects(ensureKeypair({ path, signal: AbortSignal.abort() }), { name: "AbortError" });
  assert.deepEqual(await snapshot(home.path), {});
});

Deno.test("rotateKeypair puts a fresh key in place and keeps the old pair, whole, beside it", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, "id");
  const old = await ensureKeypair({ path, comment: "first" });
  const oldText = await Deno.readTextFile(path);
  const now = new Date("2031-02-03T04:05:06.789Z");
  const rotated = await rotateKeypair({ path, comment: "second", now });
  assert.equal(rotated.oldPrivateKeyPath, join(await Deno.realPath(home.path), "id.old-20310203T040506Z"));
  assert.equal(await Deno.readTextFile(rotated.oldPrivateKeyPath), oldText);
  assert.equal(await Deno.readTextFile(`${rotated.oldPrivateKeyPath}.pub`), `${old.publicKey}\n`);
  assert.notEqual(rotated.fingerprint, old.fingerprint);
  assert.deepEqual(await ensureKeypair({ path }), {
    privateKeyPath: path,
    publicKeyPath: `${path}.pub`,
    type: "ssh-ed25519",
    publicKey: rotated.publicKey,
    fingerprint: rotated.fingerprint,
    isEncrypted: false,
    created: false,
  });
  const again = await rotateKeypair({ path, now });
  assert.equal(again.oldPrivateKeyPath, `${rotated.oldPrivateKeyPath}-1`);
  if (!IS_WINDOWS) assert.equal(await modeOf(again.oldPrivateKeyPath), 0o600);
});

Deno.test("rotateKeypair has nothing to do where no key is", async () => {
  await using home = await makeTempHome();
  await assert.rejects(rotateKeypair({ path: join(home.path, "id") }), {
    code: "not_found",
    hint: "Make one with: porthole keys ensure",
  });
});

Deno.test("keys made and rotated at once by many leave one whole pair", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, "id");
  await ensureKeypair({ path });
  await Promise.all([
    ...Array.from(
      { length: 4 },
      () => rotateKeypair({ path }).catch(() => {/* a pair half replaced may be refused */}),
    ),
    ...Array.from({ length: 4 }, () => ensureKeypair({ path }).catch(() => {/* as above */})),
  ]);
  await ensureKeypair({ path });
});
