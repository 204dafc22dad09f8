import assert from "node:assert/strict";
import { ensurePrivateFolder, readPrivateFile, writeFileAtomic } from "../../../src/base/private_file.ts";

const isWindows = Deno.build.os === "windows";

Deno.test("writeFileAtomic makes a 0600 file, replaces it, and leaves nothing beside it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeFileAtomic(`${folder}/f`, "one");
    await writeFileAtomic(`${folder}/f`, "two");
    assert.equal(await Deno.readTextFile(`${folder}/f`), "two");
    if (!isWindows) assert.equal(((await Deno.stat(`${folder}/f`)).mode ?? 0) & 0o777, 0o600);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["f"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("ensurePrivateFolder says which folder cannot be made, and what chooses another", async () => {
  const file = await Deno.makeTempFile();
  try {
    await assert.rejects(ensurePrivateFolder(`${file}/tokens`), {
      code: "config_invalid",
      hint: "PORTHOLE_HOME, or HOME, must name a folder that you can write to",
    });
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("writeFileAtomic leaves the old file and no scrap when it cannot write", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/f`);
    await assert.rejects(writeFileAtomic(`${folder}/f`, "one"));
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["f"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "readPrivateFile refuses a file that others can read, with the chmod to run",
  ignore: isWindows,
  async fn() {
    const path = await Deno.makeTempFile();
    try {
      await Deno.chmod(path, 0o644);
      await assert.rejects(readPrivateFile(path, "headers file"), {
        code: "unsafe_file",
        message: `The headers file ${
          JSON.stringify(path)
        } must be readable by its owner alone (0600): its mode is 0644`,
        hint: `chmod 600 ${path}`,
      });
    } finally {
      await Deno.remove(path);
    }
  },
});

Deno.test("readPrivateFile names a file that is not there", async () => {
  await assert.rejects(readPrivateFile("/nowhere/at/all", "key"), { code: "not_found" });
});

Deno.test("readPrivateFile says that a folder is one, and not that its modes are to be changed", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await assert.rejects(readPrivateFile(folder, "headers file"), {
      code: "unsafe_file",
      message: `Cannot read the headers file ${JSON.stringify(folder)}: it is a folder`,
    });
  } finally {
    await Deno.remove(folder);
  }
});
