import assert from "node:assert/strict";
import { FaultSet } from "../../../src/testing/faults.ts";
import { VirtualFiles } from "../../../src/testing/virtual_files.ts";

const WRITE = { read: false, write: true, append: false, create: true, truncate: true, exclusive: false };

async function write(files: VirtualFiles, path: string, text: string): Promise<void> {
  const file = await files.open(path, WRITE);
  await file.write(new TextEncoder().encode(text), 0);
  await file.close();
}

Deno.test("VirtualFiles tells uploads from what the test put there, under their last names", async () => {
  const files = new VirtualFiles({ createsFolders: true, faults: new FaultSet() });
  files.addFile("/mine", "x");
  await write(files, "/a/b/.part", "content");
  await files.setAttributes("/a/b/.part", { mode: 0o600 });
  await files.posixRename("/a/b/.part", "/c/final");
  assert.equal(files.uploaded("/mine"), undefined);
  assert.equal(files.uploaded("/a/b/.part"), undefined);
  const { content, mode } = files.uploaded("/c/final") ?? assert.fail("not there");
  assert.deepEqual([content, mode], ["content", "0600"]);
  await files.posixRename("/c", "/d");
  assert.deepEqual(files.uploads, ["/d/final"]);
  await files.removeFile("/d/final");
  assert.deepEqual(files.uploads, []);
});

Deno.test("VirtualFiles counts an empty upload, and one over a file of the test", async () => {
  const files = new VirtualFiles({ createsFolders: true, faults: new FaultSet() });
  await write(files, "/empty", "");
  assert.equal(files.uploaded("/empty")?.content, "");
  files.addFile("/conf", "old");
  await write(files, "/conf", "new");
  assert.equal(files.uploaded("/conf")?.content, "new");
  files.addFile("/conf", "reset");
  assert.equal(files.uploaded("/conf"), undefined);
});

Deno.test("VirtualFiles finds an upload by each of its paths, and loses it with the file", async () => {
  const files = new VirtualFiles({ createsFolders: true, faults: new FaultSet() });
  files.addFolder("/srv/releases/2");
  await files.symlink("releases/2", "/srv/current");
  await write(files, "/srv/current/./app", "new");
  for (const path of ["/srv/current/app", "/srv/releases/2/app", "/srv/releases/../releases/2/app"]) {
    assert.equal(files.uploaded(path)?.content, "new", path);
  }
  assert.deepEqual(files.uploads, ["/srv/releases/2/app"]);
  await files.removeFile("/srv/current/app");
  assert.deepEqual([files.uploaded("/srv/releases/2/app"), files.uploads], [undefined, []]);
});

Deno.test("VirtualFiles refuses a missing folder where it makes none", async () => {
  const files = new VirtualFiles({ createsFolders: false, faults: new FaultSet() });
  await assert.rejects(write(files, "/no/file", "x"), { message: "No such file" });
});

Deno.test("VirtualFiles fails what a fault is about and nothing else, so often as was said", async () => {
  const faults = new FaultSet();
  const files = new VirtualFiles({ createsFolders: true, faults });
  faults.add({ name: "file-error", errno: "EACCES", path: "/etc", times: 1 });
  await write(files, "/etcetera", "x");
  await assert.rejects(write(files, "/etc/x", "x"), { message: "Permission denied" });
  await write(files, "/etc/x", "x");
  faults.add({ name: "file-error", errno: "ENOSPC", afterBytes: 3 });
  await write(files, "/short", "123");
  await assert.rejects(write(files, "/long", "1234"), { message: "No space left on device" });
});
