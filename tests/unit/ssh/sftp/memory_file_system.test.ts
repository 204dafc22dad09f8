import assert from "node:assert/strict";
import type { OpenOptions } from "../../../../src/ssh/sftp/file_system.ts";
import { MemoryFileSystem } from "../../../../src/ssh/sftp/memory_file_system.ts";
import { errnoStatus } from "../../../../src/ssh/sftp/status_error.ts";

const OPEN: OpenOptions = { read: true, write: true, append: false, create: true, truncate: false, exclusive: false };
const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

Deno.test("MemoryFileSystem gives back what was put there, with mode and time", () => {
  const fs = new MemoryFileSystem({ home: "/home/me", now: () => 77 });
  fs.addFile("/home/me/a/b.txt", "hello", { mode: 0o600, mtime: 5 });
  assert.equal(text(fs.content("/home/me/a/b.txt")), "hello");
  assert.deepEqual(fs.entry("/home/me/a/b.txt"), {
    size: 5,
    mode: 0o100600,
    uid: 0,
    gid: 0,
    atime: 5,
    mtime: 5,
    linkCount: 1,
  });
  assert.deepEqual([...fs.list()].map(({ path }) => path), ["/home", "/home/me", "/home/me/a", "/home/me/a/b.txt"]);
  assert.equal(fs.content("/home/me/a"), undefined);
  assert.equal(fs.entry("/nope/x"), undefined);
});

Deno.test("MemoryFileSystem writes with holes, cuts and extends with zeros", async () => {
  const fs = new MemoryFileSystem();
  const file = await fs.open("/f", OPEN);
  await file.write(new TextEncoder().encode("abc"), 2);
  assert.deepEqual([...fs.content("/f") ?? []], [0, 0, 97, 98, 99]);
  await file.setAttributes({ size: 3 });
  await file.setAttributes({ size: 5 });
  assert.deepEqual([...fs.content("/f") ?? []], [0, 0, 97, 0, 0]);
  const into = new Uint8Array(4);
  assert.equal(await file.read(into, 2), 3);
  assert.equal(await file.read(into, 5), 0);
});

Deno.test("MemoryFileSystem follows links as a POSIX system does", async () => {
  const fs = new MemoryFileSystem();
  fs.addFile("/a/b/f", "x");
  await fs.symlink("a/b", "/l");
  await fs.symlink("../b/f", "/a/b/up");
  await fs.symlink("/loop", "/loop");
  await fs.symlink("nope", "/dangling");
  assert.equal(await fs.realPath("/l/../f"), "/a/f");
  assert.equal(await fs.realPath("/l/up"), "/a/b/f");
  assert.equal(await fs.realPath("/dangling"), "/nope");
  assert.equal((await fs.stat("/l/f")).size, 1);
  assert.equal(((await fs.lstat("/l")).mode ?? 0) & 0o170000, 0o120000);
  await assert.rejects(() => fs.stat("/loop"), { status: 2, message: "Too many levels of symbolic links" });
  await assert.rejects(() => fs.stat("/a/b/f/g"), { status: 2, message: "Not a directory" });
  assert.equal(await fs.realPath("/../.."), "/");
});

Deno.test("MemoryFileSystem renames as rename(2) does, and as version 3 asks", async () => {
  const fs = new MemoryFileSystem();
  fs.addFile("/a", "1");
  fs.addFile("/b", "2");
  fs.addFile("/d/e/f", "3");
  await assert.rejects(() => fs.rename("/a", "/b"), { message: "File exists" });
  await fs.posixRename("/a", "/b");
  assert.equal(text(fs.content("/b")), "1");
  await assert.rejects(() => fs.posixRename("/d", "/d/e/g"), { message: "Invalid argument" });
  await assert.rejects(() => fs.posixRename("/b", "/d"), { message: "Is a directory" });
  await assert.rejects(() => fs.removeFolder("/d"), { message: "Directory not empty" });
  await fs.rename("/d/e", "/e");
  assert.equal(text(fs.content("/e/f")), "3");
});

Deno.test("MemoryFileSystem tells of each operation before it is done, and fails it with what that throws", async () => {
  const operations: string[] = [];
  const fs = new MemoryFileSystem({
    onOperation(operation, { path, end }) {
      operations.push(`${operation} ${path} ${end ?? ""}`.trim());
      if (operation === "write" && end === 5) throw errnoStatus("ENOSPC");
    },
  });
  const file = await fs.open("/f", OPEN);
  await file.write(new Uint8Array(4), 0);
  assert.throws(() => file.write(new Uint8Array(1), 4), { status: 4, message: "No space left on device" });
  await file.close();
  assert.deepEqual(operations, ["open /f", "write /f 4", "write /f 5", "close /f"]);
  assert.equal(fs.entry("/f")?.size, 4);
});

Deno.test("MemoryFileSystem refuses a file longer than its bound with ENOSPC", async () => {
  const fs = new MemoryFileSystem({ maxFileBytes: 100 });
  const file = await fs.open("/f", OPEN);
  assert.throws(() => file.write(new Uint8Array(1), 100), { message: "No space left on device" });
  await file.write(new Uint8Array(100), 0);
});
