import assert from "node:assert/strict";
import { join } from "node:path";
import { config } from "../../src/fleet/client.ts";
import { makeStage, sshdScenario as scenario } from "../support/fleet_stage.ts";
import { hasProgram } from "../support/programs.ts";
import { run } from "../support/sshd.ts";

const PAST = new Date("2001-02-03T04:05:06Z");

/** A tree of which the folders have modes and times of their own, with what is no file in it. */
async function makeTree(top: string): Promise<void> {
  await Deno.mkdir(join(top, "shut"), { recursive: true });
  await Deno.writeTextFile(join(top, "shut", "inside"), "x");
  await Deno.symlink("nowhere", join(top, "dangling"));
  await run("mkfifo", [join(top, "pipe")]);
  for (const [path, mode] of [["shut", 0o555], ["", 0o750]] as const) {
    await Deno.chmod(join(top, path), mode);
    await Deno.utime(join(top, path), PAST, PAST);
  }
}

async function modeAndTime(path: string): Promise<[number, string | undefined]> {
  const { mode, mtime } = await Deno.stat(path);
  return [(mode ?? 0) & 0o7777, mtime?.toISOString()];
}

for (const hasSftp of [true, false]) {
  const via = hasSftp ? "sftp" : "cat";
  Deno.test({
    name:
      `folders of a tree that are made keep mode and time, over ${via}; what is no file is told (needs sshd, mkfifo)`,
    ignore: !hasProgram("sshd") || !hasProgram("mkfifo"),
    async fn() {
      await using set = await makeStage({ hasSftp });
      const [src, there, back] = ["src", "there", "back"].map((name) => join(set.home.path, name));
      assert.ok(src && there && back);
      await makeTree(src);
      const client = config(set.options());
      const [up] = await client.upload(src, there, { recursive: true });
      assert.deepEqual([up?.error, up?.via, up?.files, [...up?.skipped ?? []].sort()], [
        undefined,
        via,
        1,
        ["dangling", "pipe"],
      ]);
      await makeTree(join(set.home.path, "other"));
      await Deno.rename(join(set.home.path, "other", "pipe"), join(there, "pipe"));
      await Deno.utime(there, PAST, PAST);
      const [down] = await client.download(there, back, { recursive: true });
      assert.deepEqual([down?.error, down?.files, down?.skipped], [undefined, 1, [join(there, "pipe")]]);
      for (const top of [there, back]) {
        assert.deepEqual(await modeAndTime(top), [0o750, PAST.toISOString()], top);
        assert.deepEqual(await modeAndTime(join(top, "shut")), [0o555, PAST.toISOString()], top);
        assert.equal(await Deno.readTextFile(join(top, "shut", "inside")), "x");
      }
      const [pipe] = await client.download(join(there, "pipe"), join(set.home.path, "pipe"));
      assert.match(pipe?.error?.message ?? "", /it is neither a file nor a folder$/);
    },
  });
}

scenario("a folder that was there keeps its mode", async () => {
  await using set = await makeStage();
  const [src, there] = [join(set.home.path, "src"), join(set.home.path, "there")];
  await Deno.mkdir(src, { mode: 0o700 });
  await Deno.mkdir(join(there, "src"), { recursive: true, mode: 0o755 });
  await config(set.options()).upload(src, there, { recursive: true });
  assert.equal((await modeAndTime(join(there, "src")))[0], 0o755);
});

scenario("a tree with a pipe as its top is refused before any host is dialled", async () => {
  await using set = await makeStage();
  const pipe = join(set.home.path, "pipe");
  await run("mkfifo", [pipe]);
  await assert.rejects(config(set.options({ hosts: "127.0.0.1:1" })).upload(pipe, "x"), {
    code: "usage",
    message: `Cannot upload "${pipe}": it is neither a file nor a folder`,
  });
});

scenario("a tree goes over cat to a server that lets few sessions be open at once", async () => {
  await using set = await makeStage({ hasSftp: false, config: ["MaxSessions 2"] });
  const src = join(set.home.path, "src");
  await Deno.mkdir(src);
  for (let number = 0; number < 8; number++) await Deno.writeTextFile(join(src, `${number}`), "x");
  const [up] = await config(set.options()).upload(src, join(set.home.path, "there"), { recursive: true });
  assert.deepEqual([up?.error, up?.files], [undefined, 8]);
});

scenario("a transfer past its time is given up as timeout, and leaves nothing", async () => {
  await using set = await makeStage();
  const src = join(set.home.path, "big");
  await Deno.writeFile(src, new Uint8Array(200_000_000));
  const there = join(set.home.path, "there");
  await Deno.mkdir(there);
  const [late] = await config(set.options()).upload(src, join(there, "big"), { timeout: "50ms" });
  assert.deepEqual([late?.ok, late?.error?.kind], [false, "timeout"]);
  assert.match(late?.error?.message ?? "", /^The transfer did not end within 50ms and was given up$/);
  assert.deepEqual([...Deno.readDirSync(there)], []);
  await assert.rejects(config(set.options()).upload(src, there, { timeout: "soon" }), { code: "usage" });
});

scenario("what cannot be written or read here is told with its name, and is no fault of porthole", async () => {
  await using set = await makeStage();
  const src = join(set.home.path, "src");
  await Deno.writeTextFile(src, "x");
  const client = config(set.options());
  const [below] = await client.download(src, join(src, "below", "it"));
  assert.equal(below?.error?.message, `Cannot write "${join(src, "below", "it")}" here: Not a directory`);
  assert.deepEqual([below?.error?.kind, below?.error?.code], ["remote", "usage"]);
  const { error } = await client.tryUpload(join(src, "below"), "/nowhere");
  assert.match(error?.message ?? "", /^Cannot (read|upload) ".*below".*: (Not a directory|it does not exist)$/);
});
