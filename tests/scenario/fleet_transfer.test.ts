import assert from "node:assert/strict";
import { join } from "node:path";
import { sleep } from "../../src/base/abort.ts";
import { config } from "../../src/fleet/client.ts";
import { hostFileName } from "../../src/fleet/output_store.ts";
import { makeStage, sshdScenario as scenario } from "../support/fleet_stage.ts";

const WAYS = [{ via: "sftp", hasSftp: true }, { via: "cat", hasSftp: false }] as const;

for (const { via, hasSftp } of WAYS) {
  scenario(`a file goes up and comes back over ${via}, with its mode and its time`, async () => {
    await using set = await makeStage({ hasSftp });
    const folder = join(set.home.path, "it's here");
    await Deno.mkdir(folder);
    const src = join(folder, 'a "b" $c.bin');
    const content = crypto.getRandomValues(new Uint8Array(60_000));
    await Deno.writeFile(src, content, { mode: 0o640 });
    await Deno.utime(src, 1_600_000_001, 1_600_000_001);
    const client = config(set.options());
    const remote = join(folder, "new folder", "copy '1'");
    const [up] = await client.upload(src, remote, { checksum: true });
    assert.equal(up?.error, undefined);
    assert.deepEqual([up?.ok, up?.bytes, up?.files, up?.via, up?.dst], [true, 60_000, 1, via, remote]);
    assert.match(up?.checksums?.[remote] ?? "", /^[0-9a-f]{64}$/);
    assert.deepEqual(await Deno.readFile(remote), content);
    const { mode, mtime } = await Deno.stat(remote);
    assert.deepEqual([(mode ?? 0) & 0o777, mtime?.getTime()], [0o640, 1_600_000_001_000]);

    const back = join(set.home.path, "back");
    const [down] = await client.download(remote, back, { checksum: true });
    assert.deepEqual([down?.ok, down?.bytes, down?.dst, down?.via], [true, 60_000, back, via]);
    assert.deepEqual(await Deno.readFile(back), content);
    const local = await Deno.stat(back);
    assert.deepEqual([(local.mode ?? 0) & 0o777, local.mtime?.getTime()], [0o640, 1_600_000_001_000]);
    assert.deepEqual([...Deno.readDirSync(join(folder, "new folder"))].map(({ name }) => name), ["copy '1'"]);
  });

  scenario(`a tree goes up and comes back over ${via}`, async () => {
    await using set = await makeStage({ hasSftp });
    const src = join(set.home.path, "tree");
    await Deno.mkdir(join(src, "deep", "empty"), { recursive: true });
    for (let at = 0; at < 12; at++) await Deno.writeTextFile(join(src, "deep", `file ${at}\nx`), `content ${at}`);
    await Deno.symlink("..", join(src, "deep", "loop"));
    const client = config(set.options());
    const remote = join(set.home.path, "there");
    await assert.rejects(client.upload(src, remote), { code: "usage" });
    const [up] = await client.upload(src, remote, { recursive: true });
    assert.deepEqual([up?.ok, up?.files, up?.error], [true, 12, undefined]);
    const [down] = await client.download(remote, join(set.home.path, "back/"), { recursive: true });
    assert.deepEqual([down?.ok, down?.files, down?.error], [true, 12, undefined]);
    assert.equal(await Deno.readTextFile(join(set.home.path, "back", "there", "deep", "file 7\nx")), "content 7");
    assert.equal((await Deno.stat(join(set.home.path, "back", "there", "deep", "empty"))).isDirectory, true);
    const [refused] = await client.download(remote, join(set.home.path, "no"));
    assert.match(refused?.error?.message ?? "", /it is a folder/);
  });

  scenario(`a transfer goes on over ${via} where an earlier one of the same file stopped`, async () => {
    await using set = await makeStage({ hasSftp });
    const src = join(set.home.path, "big");
    const content = crypto.getRandomValues(new Uint8Array(65_000));
    await Deno.writeFile(src, content);
    const there = join(set.home.path, "there");
    await Deno.mkdir(there);
    const dst = join(there, "big");
    const client = config(set.options());
    const controller = new AbortController();
    // What a broken transfer leaves behind is made by one that is whole, cut short.
    const part = await leftover(async () => {
      await Deno.mkdir(dst);
      await Deno.mkdir(join(dst, "big"));
      const [failed] = await client.upload(src, dst, { resume: true, signal: controller.signal });
      assert.equal(failed?.ok, false);
      return dst;
    });
    await Deno.remove(join(dst, "big"));
    await Deno.truncate(part, 40_000);
    const [up] = await client.upload(src, dst, { resume: true, checksum: true });
    assert.deepEqual([up?.error, up?.ok, up?.bytes], [undefined, true, 25_000]);
    assert.deepEqual(await Deno.readFile(join(dst, "big")), content);
  });

  scenario(`an upload over ${via} that is cancelled leaves nothing`, async () => {
    await using set = await makeStage({ hasSftp });
    const src = join(set.home.path, "big");
    await Deno.writeFile(src, new Uint8Array(100_000_000));
    const there = join(set.home.path, "there");
    for await (const event of config(set.options()).uploadEvents(src, join(there, "big"))) {
      if (event.type === "progress") break;
    }
    assert.deepEqual([...Deno.readDirSync(there)], []);
  });
}

/** The one file that `fail` leaves in the folder that it names. */
async function leftover(fail: () => Promise<string>): Promise<string> {
  const folder = await fail();
  const names = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile).map(({ name }) => name);
  assert.equal(names.length, 1, names.join());
  return join(folder, names[0] ?? "");
}

scenario("a mode that was asked for counts, and one that is none is refused", async () => {
  await using set = await makeStage();
  const src = join(set.home.path, "src");
  await Deno.writeTextFile(src, "x", { mode: 0o600 });
  const client = config(set.options());
  const [up] = await client.upload(src, join(set.home.path, "dst"), { mode: "0755" });
  assert.equal(up?.ok, true);
  assert.equal(((await Deno.stat(join(set.home.path, "dst"))).mode ?? 0) & 0o777, 0o755);
  await assert.rejects(client.upload(src, "dst", { mode: "rwx" }), { code: "usage" });
});

scenario("a folder as destination, or a slash at its end, takes the file in under its own name", async () => {
  await using set = await makeStage();
  const src = join(set.home.path, "name");
  await Deno.writeTextFile(src, "x");
  await Deno.mkdir(join(set.home.path, "folder"));
  const client = config(set.options());
  for (const dst of [join(set.home.path, "folder"), `${set.home.path}/made/`]) {
    const [up] = await client.upload(src, dst);
    assert.equal(up?.dst, join(dst, "name"));
    assert.equal(await Deno.readTextFile(join(dst, "name")), "x");
  }
});

scenario("downloads from several hosts never write one file, one host's failure is its own", async () => {
  await using set = await makeStage();
  const host = `127.0.0.1:${set.sshd.port}`;
  const hosts = [host, "127.0.0.1:1", host];
  const src = join(set.home.path, "app.log");
  await Deno.writeTextFile(src, "lines");
  const results = await config(set.options({ hosts })).download(src, join(set.home.path, "logs/"));
  assert.deepEqual(results.map(({ ok, error }) => [ok, error?.kind]), [
    [true, undefined],
    [false, "unreachable"],
    [true, undefined],
  ]);
  const names = [...Deno.readDirSync(join(set.home.path, "logs"))].map(({ name }) => name).sort();
  const plain = `app.log.${hostFileName(`127.0.0.1:${set.sshd.port}`)}`;
  assert.deepEqual(names, [plain, `${plain}.2`]);
});

scenario("a file that is missing here throws, one that is missing there is that host's error", async () => {
  await using set = await makeStage();
  const client = config(set.options());
  await assert.rejects(client.upload(join(set.home.path, "none"), "x"), { code: "not_found" });
  assert.equal((await client.tryUpload(join(set.home.path, "none"), "x")).error?.code, "not_found");
  const [down] = await client.download("/nonexistent/file", join(set.home.path, "x"));
  assert.deepEqual([down?.ok, down?.error?.code], [false, "not_found"]);
  await assert.rejects(Deno.stat(join(set.home.path, "x")), Deno.errors.NotFound);
});

scenario("an upload that cannot be written leaves nothing and says why", async () => {
  await using set = await makeStage();
  const src = join(set.home.path, "src");
  await Deno.writeTextFile(src, "x");
  const dst = join(set.home.path, "dst");
  await Deno.mkdir(join(dst, "src", "in the way"), { recursive: true });
  const [up] = await config(set.options()).upload(src, dst);
  assert.equal(up?.ok, false);
  assert.equal(up?.error?.kind, "remote");
  assert.deepEqual([...Deno.readDirSync(dst)].map(({ name }) => name), ["src"]);
});

scenario("progress is told while a transfer runs, and the last event is its result", async () => {
  await using set = await makeStage();
  const src = join(set.home.path, "src");
  await Deno.writeFile(src, new Uint8Array(3_000_000));
  const seen: string[] = [];
  let done = 0;
  for await (const event of config(set.options()).uploadEvents(src, join(set.home.path, "dst"))) {
    seen.push(event.type);
    if (event.type === "progress") {
      assert.equal(event.totalBytes, 3_000_000);
      assert.ok(event.doneBytes > done && event.bytesPerSecond > 0);
      done = event.doneBytes;
    }
  }
  assert.equal(done, 3_000_000);
  assert.equal(seen[0], "connected");
  assert.equal(seen.at(-1), "result");
});

scenario("a large file goes up whole through several sessions over a far link, and comes back", async () => {
  await using set = await makeStage();
  using far = farLink(set.sshd.port, 15);
  const src = join(set.home.path, "src");
  const content = new Uint8Array(20_000_003).map((_, at) => at % 251 ^ at >> 16);
  await Deno.writeFile(src, content);
  const client = config(set.options({ hosts: `127.0.0.1:${far.port}`, hostKeyCheck: false }));
  const [up] = await client.upload(src, join(set.home.path, "dst"), { checksum: true });
  assert.deepEqual([up?.error, up?.ok, up?.bytes], [undefined, true, content.length]);
  const [down] = await client.download(join(set.home.path, "dst"), join(set.home.path, "back"), { checksum: true });
  assert.deepEqual([down?.error, down?.ok, down?.bytes], [undefined, true, content.length]);
  assert.deepEqual(await Deno.readFile(join(set.home.path, "back")), content);
});

/** A port of this machine from which it takes `delayMs` to the other, and as long back. */
function farLink(port: number, delayMs: number): { port: number } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns = new Set<Deno.Conn>();
  const carry = async (from: Deno.Conn, to: Deno.Conn) => {
    let last: Promise<unknown> = Promise.resolve();
    const buffer = new Uint8Array(65_536);
    for (let count; (count = await from.read(buffer)) !== null;) {
      const bytes = buffer.slice(0, count);
      const late = sleep(delayMs);
      last = Promise.all([last, late]).then(async () => {
        for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
      });
      last.catch(() => {/* the other end has gone: reading ends too */});
    }
    await Promise.all([last, sleep(delayMs)]);
    await to.closeWrite();
  };
  const accept = async () => {
    for await (const near of listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port });
      for (const conn of [near, far]) {
        conn.setNoDelay(true);
        conns.add(conn);
      }
      for (const [from, to] of [[near, far], [far, near]] as const) carry(from, to).catch(() => {/* closed */});
    }
  };
  accept().catch(() => {/* closed */});
  return {
    port: listener.addr.port,
    [Symbol.dispose]() {
      listener.close();
      for (const conn of conns) conn.close();
    },
  };
}

for (const cipher of ["chacha20-poly1305@openssh.com", "aes256-ctr", "aes128-gcm@openssh.com"]) {
  scenario(`transfers outlive keys that are exchanged anew, every MiB, with ${cipher}`, async () => {
    await using set = await makeStage({ config: ["RekeyLimit 1M", `Ciphers ${cipher}`] });
    const here = join(set.home.path, "here");
    const [there, back] = [`${here}.there`, `${here}.back`];
    const block = crypto.getRandomValues(new Uint8Array(65_536));
    using file = await Deno.open(here, { write: true, create: true });
    for (let at = 0; at < 512; at++) await file.write(block);
    const client = config(set.options());
    for (let round = 0; round < 2; round++) {
      const [up] = await client.upload(here, there, { checksum: true });
      assert.deepEqual([up?.ok, up?.error], [true, undefined]);
      const [down] = await client.download(there, back, { checksum: true });
      assert.deepEqual([down?.ok, down?.error], [true, undefined]);
    }
    assert.equal((await Deno.stat(back)).size, 512 * 65_536);
  });
}

scenario("a dry run of a transfer writes nothing", async () => {
  await using set = await makeStage();
  const src = join(set.home.path, "src");
  await Deno.writeTextFile(src, "x");
  const [up] = await config(set.options()).upload(src, join(set.home.path, "dst"), { dryRun: true });
  assert.deepEqual([up?.ok, up?.dryRun, up?.bytes], [true, true, 0]);
  await assert.rejects(Deno.stat(join(set.home.path, "dst")), Deno.errors.NotFound);
});
