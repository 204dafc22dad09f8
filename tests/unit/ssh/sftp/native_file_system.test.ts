import assert from "node:assert/strict";
import { join } from "node:path";
import type { OpenOptions } from "../../../../src/ssh/sftp/file_system.ts";
import { nativeFileSystem } from "../../../../src/ssh/sftp/native_file_system.ts";

const fs = nativeFileSystem({ home: "/home/me" });
const READ: OpenOptions = { read: true, write: false, append: false, create: false, truncate: false, exclusive: false };
const WRITE: OpenOptions = { ...READ, write: true, create: true };
const isPosix = Deno.build.os !== "windows";
const isLinux = Deno.build.os === "linux";

function posixTest(name: string, fn: (folder: string) => Promise<void>, { ignore = !isPosix } = {}): void {
  Deno.test({
    name,
    ignore,
    fn: async () => {
      const folder = await Deno.realPath(await Deno.makeTempDir());
      try {
        await fn(folder);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

posixTest("nativeFileSystem reads and writes at positions, appends, cuts and changes attributes", async (folder) => {
  const path = join(folder, "f");
  const file = await fs.open(path, { ...WRITE, mode: 0o600 });
  await file.write(new TextEncoder().encode("hello"), 2);
  await file.setAttributes({ size: 6, mode: 0o640, atime: 5, mtime: 6 });
  const { size, mode, mtime } = await file.stat();
  assert.deepEqual([size, mode, mtime], [6, 0o100640, 6]);
  const into = new Uint8Array(10);
  assert.equal(await file.read(into, 1), 5);
  assert.equal(await file.read(into, 100), 0);
  await file.sync();
  assert.ok((await file.statVfs()).blocks > 0);
  await file.close();
  assert.throws(() => file.read(into, 0), { message: "Bad file descriptor" });
  const appended = await fs.open(path, { ...WRITE, append: true, create: false });
  await appended.write(new TextEncoder().encode("!"), 0);
  await appended.close();
  assert.equal(await Deno.readTextFile(path), "\0\0hell!");
  await (await fs.open(path, { ...WRITE, append: true, truncate: true })).close();
  assert.equal(await Deno.readTextFile(path), "");
  for (const write of [true, false]) {
    await assert.rejects(fs.open(path, { ...WRITE, write, exclusive: true }), { code: "EEXIST" });
  }
});

posixTest("nativeFileSystem.rename does not replace, posixRename does", async (folder) => {
  const [a, b] = [join(folder, "a"), join(folder, "b")];
  await Deno.writeTextFile(a, "a");
  await Deno.writeTextFile(b, "b");
  await assert.rejects(fs.rename(a, b), { code: "EEXIST" });
  await Deno.mkdir(join(folder, "d"));
  await Deno.mkdir(join(folder, "e"));
  await assert.rejects(fs.rename(join(folder, "d"), join(folder, "e")), { message: "File exists" });
  await fs.rename(join(folder, "d"), join(folder, "moved"));
  await fs.posixRename(a, b);
  assert.equal(await Deno.readTextFile(b), "a");
});

posixTest("nativeFileSystem.removeFile leaves folders alone, removeFolder files and full folders", async (folder) => {
  await Deno.mkdir(join(folder, "d", "e"), { recursive: true });
  await Deno.writeTextFile(join(folder, "f"), "");
  await assert.rejects(fs.removeFile(join(folder, "d")));
  await assert.rejects(fs.removeFolder(join(folder, "f")), { code: "ENOTDIR" });
  await assert.rejects(fs.removeFolder(join(folder, "d")), { code: "ENOTEMPTY" });
  await fs.removeFolder(join(folder, "d", "e"));
  await fs.removeFile(join(folder, "f"));
});

posixTest("nativeFileSystem.realPath lets the last component be missing, also behind a link", async (folder) => {
  await Deno.mkdir(join(folder, "d"));
  await Deno.symlink("d", join(folder, "l"));
  await Deno.symlink("d/missing", join(folder, "dangling"));
  assert.equal(await fs.realPath(`${folder}/l/../l/x`), `${folder}/d/x`);
  assert.equal(await fs.realPath(`${folder}/dangling`), `${folder}/d/missing`);
  await assert.rejects(fs.realPath(`${folder}/nope/x`), { code: "ENOENT" });
});

posixTest("nativeFileSystem.setLinkAttributes changes a link and not what it points to", async (folder) => {
  await Deno.writeTextFile(join(folder, "f"), "");
  await Deno.symlink("f", join(folder, "l"));
  await fs.setLinkAttributes(join(folder, "l"), { atime: 5, mtime: 6 });
  assert.equal((await fs.lstat(join(folder, "l"))).mtime, 6);
  assert.notEqual((await fs.stat(join(folder, "l"))).mtime, 6);
  await assert.rejects(fs.setLinkAttributes(join(folder, "l"), { mode: 0o600 }), {
    message: "A symbolic link has no mode or size to set",
  });
});

posixTest("nativeFileSystem opens a FIFO without waiting for its other end", async (folder) => {
  const path = join(folder, "fifo");
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert.ok(success);
  const file = await fs.open(path, READ);
  assert.equal(await file.read(new Uint8Array(5), 0), 0);
  await file.close();
});

posixTest("nativeFileSystem keeps names that are not UTF-8 apart, in every operation", async (folder) => {
  const odd = (name: string) => `${folder}/odd\udcff\udcfe/${name}`;
  await fs.makeFolder(`${folder}/odd\udcff\udcfe`, { mode: 0o755 });
  const file = await fs.open(odd("a\udce9"), { ...WRITE, mode: 0o600 });
  await file.write(new TextEncoder().encode("content"), 0);
  await file.close();
  const plain = await fs.open(odd("plain"), WRITE);
  await plain.close();
  await assert.rejects(fs.open(odd("a\udce9"), { ...WRITE, exclusive: true }), { message: "File exists" });
  await fs.setAttributes(odd("a\udce9"), { size: 4, mode: 0o640, atime: 5, mtime: 6 });
  const { size, mode, mtime } = await fs.stat(odd("a\udce9"));
  assert.deepEqual([size, mode, mtime], [4, 0o100640, 6]);
  await fs.symlink("a\udce9", odd("link\udcff"));
  await fs.symlink("a\udce9", `${folder}/plain-link`);
  assert.equal(await fs.readLink(odd("link\udcff")), "a\udce9");
  assert.equal(await fs.readLink(`${folder}/plain-link`), "a\udce9");
  assert.equal(((await fs.lstat(odd("link\udcff"))).mode ?? 0) >> 12, 0o12);
  assert.equal((await fs.stat(odd("link\udcff"))).size, 4);
  assert.equal(await fs.realPath(odd("link\udcff")), odd("a\udce9"));
  assert.equal(await fs.realPath(odd("missing\udcff")), odd("missing\udcff"));
  await fs.hardLink(odd("a\udce9"), `${folder}/hard\udcff`);
  await assert.rejects(fs.rename(`${folder}/hard\udcff`, odd("plain")), { message: "File exists" });
  await fs.posixRename(`${folder}/hard\udcff`, odd("plain"));
  const names = (await Array.fromAsync(fs.readFolder(`${folder}/odd\udcff\udcfe`))).map(({ name }) => name).sort();
  assert.deepEqual(names, ["a\udce9", "link\udcff", "plain"].sort());
  const above = (await Array.fromAsync(fs.readFolder(folder))).map(({ name }) => name).sort();
  assert.deepEqual(above, ["odd\udcff\udcfe", "plain-link"]);
  const read = await fs.open(odd("plain"), READ);
  const into = new Uint8Array(10);
  assert.equal(await read.read(into, 0), 4);
  await read.close();
  for (const name of ["a\udce9", "link\udcff", "plain"]) await fs.removeFile(odd(name));
  assert.ok((await fs.statVfs(odd(""))).blocks > 0);
  await fs.removeFolder(`${folder}/odd\udcff\udcfe`);
  await assert.rejects(fs.stat(odd("a\udce9")), { message: "No such file" });
}, { ignore: !isLinux });

Deno.test("nativeFileSystem.homeFolder tells the given home, and those of passwd", async () => {
  assert.equal(await fs.homeFolder(), "/home/me");
  assert.equal(await fs.homeFolder("no-such-user-here"), undefined);
  if (isLinux) assert.equal(await fs.homeFolder("root"), "/root");
});
