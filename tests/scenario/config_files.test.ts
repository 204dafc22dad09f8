import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { editSshConfig } from "../../src/ssh/config/edit_ssh_config.ts";
import { configPlaces, listHosts, removeHosts, writeHosts } from "../../src/ssh/config/managed_hosts.ts";
import { makeTempHome, type TempHome } from "../support/temp_home.ts";

const IS_WINDOWS = Deno.build.os === "windows";
const HOSTS = [{ name: "demo", text: "Host demo\n    User root\n" }];

async function modeOf(path: string): Promise<number> {
  return ((await Deno.lstat(path)).mode ?? 0) & 0o7777;
}

/** Every file below a folder with its text, links as what they lead to. */
async function snapshot(folder: string, below = ""): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(join(folder, below))) {
    const path = join(below, name);
    if (isDirectory) Object.assign(files, await snapshot(folder, path));
    else {files[path] = isSymlink
        ? `-> ${await Deno.readLink(join(folder, path))}`
        : await Deno.readTextFile(join(folder, path));}
  }
  return files;
}

function places(home: TempHome) {
  return configPlaces({ HOME: home.path });
}

Deno.test("writeHosts makes ~/.ssh/config where none is, removeHosts takes it away again", async () => {
  await using home = await makeTempHome();
  const [written] = await writeHosts(places(home), HOSTS);
  const path = join(home.path, ".ssh", "config");
  assert.equal(written?.path, path);
  assert.equal(written?.changed, true);
  assert.equal(written?.backup, undefined);
  if (!IS_WINDOWS) {
    assert.equal(await modeOf(path), 0o600);
    assert.equal(await modeOf(join(home.path, ".ssh")), 0o700);
  }
  assert.deepEqual(await listHosts(places(home)), [{ alias: "demo", path, line: 1 }]);
  const [again] = await writeHosts(places(home), HOSTS);
  assert.equal(again?.changed, false);
  await removeHosts(places(home), ["demo"]);
  assert.deepEqual(Object.keys(await snapshot(home.path)), [join(".porthole", "ssh_config.lock")]);
});

Deno.test("writeHosts with include keeps hosts in a file of our own, and the Include line goes with the last", async () => {
  await using home = await makeTempHome();
  const { configPath, ownPath } = places(home);
  const text = "Host *\n  User me\n";
  await Deno.mkdir(join(home.path, ".ssh"));
  await Deno.writeTextFile(configPath, text);
  await writeHosts(places(home), [...HOSTS, { name: "two", text: "Host two\n" }], { include: true });
  assert.equal(
    await Deno.readTextFile(configPath),
    `# >>> porthole >>>\nInclude ${ownPath}\n# <<< porthole <<<\n${text}`,
  );
  assert.deepEqual((await listHosts(places(home))).map(({ alias, path }) => [alias, path]), [["demo", ownPath], [
    "two",
    ownPath,
  ]]);
  await removeHosts(places(home), ["demo"]);
  assert.match(await Deno.readTextFile(configPath), /Include/);
  await removeHosts(places(home), ["two"]);
  assert.equal(await Deno.readTextFile(configPath), text);
  assert.equal(await Deno.readTextFile(`${configPath}.porthole-backup`), text);
  await assert.rejects(Deno.stat(ownPath), Deno.errors.NotFound);
});

Deno.test("a host moves between the user's file and ours as it is written with and without include", async () => {
  await using home = await makeTempHome();
  const { configPath, ownPath } = places(home);
  const pathOfDemo = async () => (await listHosts(places(home))).map(({ path }) => path);
  await writeHosts(places(home), HOSTS);
  assert.deepEqual(await pathOfDemo(), [configPath]);
  await writeHosts(places(home), HOSTS, { include: true });
  assert.deepEqual(await pathOfDemo(), [ownPath]);
  await writeHosts(places(home), HOSTS);
  assert.deepEqual(await pathOfDemo(), [configPath]);
  assert.doesNotMatch(await Deno.readTextFile(configPath), /Include/);
});

Deno.test("editSshConfig keeps links, modes and a single backup of the first state", async () => {
  await using home = await makeTempHome();
  const real = join(home.path, "dotfiles", "ssh_config");
  const path = join(home.path, ".ssh", "config");
  await Deno.mkdir(join(home.path, "dotfiles"));
  await Deno.mkdir(join(home.path, ".ssh"));
  await Deno.writeTextFile(real, "Host a\n");
  if (!IS_WINDOWS) await Deno.chmod(real, 0o644);
  await Deno.symlink("../dotfiles/ssh_config", path);
  const lockPath = join(home.path, "lock");
  const first = await editSshConfig(path, { upsert: HOSTS, lockPath });
  assert.equal(first.backup, `${path}.porthole-backup`);
  assert.equal(first.realPath, await Deno.realPath(real));
  const second = await editSshConfig(path, { upsert: [{ name: "two", text: "Host two\n" }], lockPath });
  assert.equal(second.backup, undefined);
  assert.equal(await Deno.readTextFile(`${path}.porthole-backup`), "Host a\n");
  assert.equal((await Deno.lstat(path)).isSymlink, true);
  if (!IS_WINDOWS) assert.equal(await modeOf(real), 0o644);
  await editSshConfig(path, { remove: ["demo", "two"], lockPath });
  assert.equal(await Deno.readTextFile(real), "Host a\n");
});

Deno.test({
  name: "editSshConfig keeps the owner of a file that root edits for somebody (needs root)",
  ignore: IS_WINDOWS || Deno.uid() !== 0,
  fn: async () => {
    await using home = await makeTempHome();
    const path = join(home.path, "config");
    await Deno.writeTextFile(path, "Host a\n");
    await Deno.chmod(path, 0o640);
    await Deno.chown(path, 65534, 65533);
    await editSshConfig(path, { upsert: HOSTS, lockPath: join(home.path, "lock") });
    const { uid, gid } = await Deno.stat(path);
    assert.deepEqual([uid, gid, await modeOf(path)], [65534, 65533, 0o640]);
  },
});

Deno.test("editSshConfig with dryRun tells the diff and writes nothing at all", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, "config");
  await Deno.writeTextFile(path, "Host é\n");
  const before = await snapshot(home.path);
  const { diff, changed } = await editSshConfig(path, {
    upsert: HOSTS,
    dryRun: true,
    lockPath: join(home.path, "x", "lock"),
  });
  assert.equal(changed, true);
  assert.deepEqual(await snapshot(home.path), before);
  assert.equal(
    diff,
    `--- ${path}\n+++ ${path}\n@@ -1,1 +1,7 @@\n+# >>> porthole demo >>>\n+Host demo\n+    User root\n` +
      "+# What follows holds for all hosts, as it did without this section.\n+Host *\n+# <<< porthole demo <<<\n Host é\n",
  );
});

Deno.test("writeHosts and removeHosts write nothing when the markers of either file are broken", async () => {
  await using home = await makeTempHome();
  const { configPath, ownPath } = places(home);
  await Deno.mkdir(join(home.path, ".ssh"));
  await Deno.mkdir(join(home.path, ".porthole"));
  for (const [broken, whole] of [[configPath, ownPath], [ownPath, configPath]] as const) {
    await Deno.writeTextFile(broken, "Host a\n# >>> porthole demo >>>\n");
    await Deno.writeTextFile(whole, "# >>> porthole demo >>>\n# <<< porthole demo <<<\n");
    const before = await snapshot(home.path);
    for (const include of [true, false]) {
      await assert.rejects(writeHosts(places(home), HOSTS, { include }), {
        code: "config_invalid",
        message: `Cannot edit ${JSON.stringify(broken)}: line 2: it opens a section that no line closes`,
      });
    }
    await assert.rejects(removeHosts(places(home), ["demo"]), { code: "config_invalid" });
    assert.deepEqual(await snapshot(home.path), before);
  }
});

Deno.test("twenty editSshConfig at once lose no host", async () => {
  await using home = await makeTempHome();
  const path = join(home.path, "config");
  await Deno.writeTextFile(path, "Host a\n");
  const names = Array.from({ length: 20 }, (_, index) => `h${index}`);
  await Promise.all(
    names.map((name) =>
      editSshConfig(path, { upsert: [{ name, text: `Host ${name}\n` }], lockPath: join(home.path, "lock") })
    ),
  );
  await editSshConfig(path, { remove: names.slice(1), lockPath: join(home.path, "lock") });
  const text = await Deno.readTextFile(path);
  assert.equal(text.match(/>>>$/gm)?.length, 1);
  assert.match(text, /Host h0\n/);
});

Deno.test("twenty hosts in both files, written and removed at once, leave nothing behind", async () => {
  await using home = await makeTempHome();
  const { configPath, ownPath } = places(home);
  await Deno.mkdir(dirname(configPath), { recursive: true });
  await Deno.writeTextFile(configPath, "Host a\n");
  const names = Array.from({ length: 20 }, (_, index) => `h${index}`);
  await Promise.all(
    names.map((name, at) => writeHosts(places(home), [{ name, text: `Host ${name}\n` }], { include: at % 2 === 1 })),
  );
  assert.equal((await listHosts(places(home))).length, 20);
  await Promise.all(names.map((name) => removeHosts(places(home), [name])));
  assert.equal(await Deno.readTextFile(configPath), "Host a\n");
  await assert.rejects(Deno.stat(ownPath), Deno.errors.NotFound);
});

Deno.test("editSshConfig follows a link that leads nowhere yet, and refuses a circle", async () => {
  await using home = await makeTempHome();
  const [path, real, lockPath] = [join(home.path, "config"), join(home.path, "new", "real"), join(home.path, "lock")];
  await Deno.symlink(real, path);
  await editSshConfig(path, { upsert: HOSTS, lockPath });
  assert.match(await Deno.readTextFile(real), /Host demo/);
  await editSshConfig(path, { remove: ["demo"], lockPath });
  await assert.rejects(Deno.lstat(real), Deno.errors.NotFound);
  await Deno.remove(path);
  await Deno.symlink(path, path);
  await assert.rejects(editSshConfig(path, { upsert: HOSTS, lockPath }), { code: "config_invalid" });
});
