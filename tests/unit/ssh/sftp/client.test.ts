import assert from "node:assert/strict";
import { createMemoryPair } from "../../../../src/stream/memory.ts";
import { openSftpClient, type SftpClient } from "../../../../src/ssh/sftp/client.ts";
import { MemoryFileSystem } from "../../../../src/ssh/sftp/memory_file_system.ts";
import { errnoStatus } from "../../../../src/ssh/sftp/status_error.ts";
import { serveSftp } from "../../../../src/ssh/sftp/server.ts";

/** A client of our server with `fs`, closed politely at the end. */
async function withClient(
  fs: MemoryFileSystem,
  talk: (client: SftpClient) => Promise<void>,
  { onRequest = () => {} }: { onRequest?: (type: number) => void } = {},
): Promise<void> {
  const [near, far] = createMemoryPair();
  const served = serveSftp(far, fs, { startFolder: "/home", onRequest }).finally(() => far[Symbol.dispose]());
  const client = await openSftpClient(near);
  try {
    await talk(client);
  } finally {
    await client.close();
    await served;
  }
}

/** Bytes in memory as a `ByteSource`, given out in pieces of an odd size. */
function sourceOf(bytes: Uint8Array) {
  let at = 0;
  return {
    read(into: Uint8Array): Promise<number | null> {
      const piece = bytes.subarray(at, at + Math.min(into.length, 7001));
      into.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length === 0 ? null : piece.length);
    },
  };
}

/** A `ByteSink` that takes a part of what it is offered, and keeps it. */
function sink() {
  const parts: Uint8Array[] = [];
  return {
    bytes: () => new Uint8Array(parts.flatMap((part) => [...part])),
    write(bytes: Uint8Array): Promise<number> {
      const part = bytes.slice(0, 100_000);
      parts.push(part);
      return Promise.resolve(part.length);
    },
  };
}

const random = (length: number) => {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};

Deno.test("SftpClient downloads and uploads files of every length around a block's", async () => {
  const fs = new MemoryFileSystem({ home: "/home" });
  await withClient(fs, async (client) => {
    for (const length of [0, 1, 261_119, 261_120, 261_121, 522_240, 700_000]) {
      const content = random(length);
      fs.addFile("/home/down", content);
      for (const size of [undefined, length]) {
        const target = sink();
        assert.equal(await client.downloadTo("down", target, size === undefined ? {} : { size }), length);
        assert.deepEqual(target.bytes(), content);
      }
      assert.equal(await client.uploadFrom(sourceOf(content), "up", { mode: 0o600 }), length);
      assert.deepEqual(fs.content("/home/up"), content);
    }
    assert.equal(fs.entry("/home/up")?.mode, 0o100600);
  });
});

Deno.test("SftpClient resumes at an offset, and tells how far it has come", async () => {
  const fs = new MemoryFileSystem({ home: "/home" });
  const content = random(900_000);
  fs.addFile("/home/down", content);
  fs.addFile("/home/up", content.slice(0, 300_000));
  await withClient(fs, async (client) => {
    const target = sink();
    const seen: number[] = [];
    const onProgress = (doneBytes: number) => seen.push(doneBytes);
    assert.equal(await client.downloadTo("down", target, { startAt: 300_000, onProgress }), 600_000);
    assert.deepEqual(target.bytes(), content.slice(300_000));
    const rest = sourceOf(content.slice(300_000));
    assert.equal(await client.uploadFrom(rest, "up", { startAt: 300_000, onProgress }), 600_000);
    assert.deepEqual(fs.content("/home/up"), content);
    const steps = [561_120, 822_240, 900_000];
    assert.deepEqual(seen, [...steps, ...steps]);
  });
});

Deno.test("SftpClient shows what a file gained or lost since its size was told", async () => {
  const fs = new MemoryFileSystem({ home: "/home" });
  fs.addFile("/home/f", "0123456789");
  await withClient(fs, async (client) => {
    for (const size of [0, 4, 10, 100, 1_000_000]) {
      const target = sink();
      await client.downloadTo("f", target, { size });
      assert.equal(new TextDecoder().decode(target.bytes()), "0123456789");
    }
  });
});

Deno.test("SftpClient lists folders, long ones too, without . and ..", async () => {
  const fs = new MemoryFileSystem({ home: "/home" });
  for (let number = 0; number < 950; number++) fs.addFile(`/home/many/f${number}`, "x".repeat(number % 7));
  fs.addFolder("/home/empty");
  await withClient(fs, async (client) => {
    const entries = await Array.fromAsync(client.readFolder("many"));
    assert.equal(new Set(entries.map(({ name }) => name)).size, 950);
    assert.deepEqual(entries[8], {
      name: "f8",
      isUtf8: true,
      stat: { ...fs.entry("/home/many/f8") },
    });
    assert.deepEqual(await Array.fromAsync(client.readFolder("empty")), []);
    for await (const { name } of client.readFolder("many")) if (name === "f3") break;
  });
});

Deno.test("SftpClient does every operation", async () => {
  const fs = new MemoryFileSystem({ home: "/home" });
  fs.addFile("/home/f", "hello");
  await withClient(fs, async (client) => {
    assert.equal(await client.realPath("."), "/home");
    assert.equal(await client.realPath("~/f"), "/home/f");
    await client.makeFolder("d", { mode: 0o700 });
    await client.rename("f", "d/g");
    await client.symlink("d/g", "l");
    assert.equal(await client.readLink("l"), "d/g");
    assert.equal((await client.stat("l")).size, 5);
    assert.equal(((await client.lstat("l")).mode ?? 0) >> 12, 0o12);
    await client.setAttributes("d/g", { mode: 0o640, atime: 1, mtime: 2, size: 4 });
    assert.deepEqual(fs.entry("/home/d/g"), {
      size: 4,
      mode: 0o100640,
      uid: 0,
      gid: 0,
      atime: 1,
      mtime: 2,
      linkCount: 1,
    });
    fs.addFile("/home/new", "newer");
    await client.replace("new", "d/g");
    assert.equal(new TextDecoder().decode(fs.content("/home/d/g")), "newer");
    assert.equal((await client.statVfs("."))?.blockSize, 4096);
    {
      await using file = await client.open("d/g", { ...READ_WRITE });
      assert.equal(await file.sync(), true);
      await file.setAttributes({ size: 3 });
      assert.equal((await file.stat()).size, 3);
      assert.equal((await file.read(1, 10))?.length, 2);
      assert.equal(await file.read(3, 10), null);
      await file.close();
      await file.close();
    }
    await client.removeFile("d/g");
    await client.removeFolder("d");
    assert.equal(fs.entry("/home/d"), undefined);
  });
});

const READ_WRITE = { read: true, write: true, append: false, create: false, truncate: false, exclusive: false };

Deno.test("SftpClient says what could not be done, with which path, and why", async () => {
  const fs = new MemoryFileSystem({
    home: "/home",
    onOperation(operation, { end = 0 }) {
      if (operation === "write" && end > 600_000) throw errnoStatus("ENOSPC");
      if (operation === "read" && end > 900_000) throw errnoStatus("EIO");
    },
  });
  fs.addFile("/home/f", "x");
  fs.addFile("/home/big", new Uint8Array(2_000_000));
  await withClient(fs, async (client) => {
    await assert.rejects(() => client.stat("nope"), {
      code: "not_found",
      message: 'Cannot stat "nope" on the far side: No such file',
      details: { status: 2, path: "nope" },
    });
    await assert.rejects(() => client.rename("f", "big"), {
      code: "remote_failed",
      message: 'Cannot rename "f" on the far side: File exists',
    });
    await assert.rejects(() => client.uploadFrom(sourceOf(new Uint8Array(2_000_000)), "full"), {
      code: "remote_failed",
      message: 'Cannot write "full" on the far side: No space left on device',
    });
    const target = sink();
    await assert.rejects(() => client.downloadTo("big", target), {
      code: "remote_failed",
      message: 'Cannot read "big" on the far side: Input/output error',
    });
    assert.equal(target.bytes().length, 783_360, "what came before the failure is kept, in order");
    await assert.rejects(() => Array.fromAsync(client.readFolder("nope")), {
      message: 'Cannot list "nope" on the far side: No such file',
    });
    assert.equal((await client.stat("f")).size, 1, "the session goes on");
  });
});

Deno.test("SftpClient stops a transfer when its signal aborts, and the session goes on", async () => {
  const fs = new MemoryFileSystem({ home: "/home" });
  fs.addFile("/home/big", new Uint8Array(5_000_000));
  await withClient(fs, async (client) => {
    const controller = new AbortController();
    const onProgress = () => controller.abort(new Error("enough"));
    const { signal } = controller;
    await assert.rejects(() => client.downloadTo("big", sink(), { signal, onProgress }), { message: "enough" });
    await assert.rejects(() => client.stat("big", { signal }), { message: "enough" });
    const stuck = new AbortController();
    const never = { read: () => new Promise<number>(() => stuck.abort(new Error("stuck"))) };
    await assert.rejects(() => client.uploadFrom(never, "up", { signal: stuck.signal }), { message: "stuck" });
    assert.equal((await client.stat("big")).size, 5_000_000);
  });
});

Deno.test("SftpClient fails what is under way, and all that follows, when the session ends", async () => {
  const fs = new MemoryFileSystem({ home: "/home" });
  const [near, far] = createMemoryPair();
  const served = serveSftp(far, fs, { startFolder: "/home" });
  const client = await openSftpClient(near);
  const asked = client.stat("f");
  far[Symbol.dispose]();
  await assert.rejects(asked, { code: "tunnel_closed", message: "The far side ended the SFTP session" });
  await assert.rejects(() => client.stat("f"), { code: "tunnel_closed" });
  await served;
  await client[Symbol.asyncDispose]();
  await client.close();
});
