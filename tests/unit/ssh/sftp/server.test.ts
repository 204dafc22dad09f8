import assert from "node:assert/strict";
import { createMemoryPair } from "../../../../src/stream/memory.ts";
import type { SftpFileSystem } from "../../../../src/ssh/sftp/file_system.ts";
import { MemoryFileSystem } from "../../../../src/ssh/sftp/memory_file_system.ts";
import { PacketType, StatusCode } from "../../../../src/ssh/sftp/protocol.ts";
import { serveSftp, type ServeSftpOptions } from "../../../../src/ssh/sftp/server.ts";
import { RawSftpClient, statusOf } from "../../../support/sftp_raw_client.ts";

/** Serves `fs` to `talk`, then ends politely and checks that the server does too. */
async function withServer(
  fs: SftpFileSystem,
  talk: (client: RawSftpClient) => Promise<void>,
  options: Partial<ServeSftpOptions> = {},
): Promise<void> {
  const [near, far] = createMemoryPair();
  const served = serveSftp(far, fs, { startFolder: "/home", ...options });
  const client = new RawSftpClient(near);
  await client.init();
  await talk(client);
  await near.closeWrite();
  await served;
  near[Symbol.dispose]();
}

const text = (bytes: Uint8Array | null | undefined) => bytes && new TextDecoder().decode(bytes);
const READ = 1, WRITE = 2, APPEND = 4, CREATE = 8, TRUNCATE = 16, EXCLUSIVE = 32;

Deno.test("serveSftp announces version 3 and OpenSSH's extensions", async () => {
  const [near, far] = createMemoryPair();
  const served = serveSftp(far, new MemoryFileSystem(), { startFolder: "/" });
  assert.deepEqual(await new RawSftpClient(near).init(), [
    "posix-rename@openssh.com",
    "statvfs@openssh.com",
    "fstatvfs@openssh.com",
    "hardlink@openssh.com",
    "fsync@openssh.com",
    "lsetstat@openssh.com",
    "limits@openssh.com",
    "expand-path@openssh.com",
    "copy-data",
    "home-directory",
  ]);
  await near.closeWrite();
  await served;
});

Deno.test("serveSftp reads as much as asked for, short at the end, then EOF", async () => {
  const fs = new MemoryFileSystem();
  const content = crypto.getRandomValues(new Uint8Array(60_000));
  fs.addFile("/home/f", content);
  fs.addFile("/home/big", new Uint8Array(300_000));
  await withServer(fs, async (client) => {
    const handle = await client.open("f", READ);
    assert.deepEqual(await client.read(handle, 10, 50_000), content.slice(10, 50_010));
    assert.equal((await client.read(handle, 59_990, 100))?.length, 10);
    assert.equal(await client.read(handle, 60_000, 1), null);
    assert.equal(await client.read(handle, 2 ** 50, 1), null);
    assert.equal((await client.read(handle, 0, 0))?.length, 0);
    const big = await client.open("big", READ);
    assert.equal((await client.read(big, 0, 0xffff_ffff))?.length, 256 * 1024);
  });
});

Deno.test("serveSftp opens as the flags say", async () => {
  const fs = new MemoryFileSystem();
  fs.addFile("/home/f", "hello");
  await withServer(fs, async (client) => {
    const open = (path: string, flags: number) =>
      client.status(PacketType.open, [{ string: path }, { u32: flags }, { attributes: {} }]);
    assert.deepEqual(await open("nope", READ), [StatusCode.noSuchFile, "No such file"]);
    assert.deepEqual(await open("f", WRITE | CREATE | EXCLUSIVE), [StatusCode.failure, "File exists"]);
    const write = async (flags: number, position: number, string: string, attributes = {}) => {
      const handle = await client.open("f", flags, attributes);
      assert.deepEqual(
        await client.status(PacketType.write, [{ string: handle }, { u64: position }, { string }]),
        [0, "Success"],
      );
      assert.deepEqual(await client.status(PacketType.close, [{ string: handle }]), [0, "Success"]);
    };
    await write(WRITE | CREATE, 1, "E");
    assert.equal(text(fs.content("/home/f")), "hEllo");
    await write(WRITE | APPEND, 0, "!");
    assert.equal(text(fs.content("/home/f")), "hEllo!");
    await write(WRITE | TRUNCATE, 0, "x");
    assert.equal(text(fs.content("/home/f")), "x");
    await client.open("new", WRITE | CREATE, { mode: 0o100640 });
    assert.equal(fs.entry("/home/new")?.mode, 0o100640);
  });
});

Deno.test("serveSftp cuts a file by FSETSTAT with a size, as scp does after an upload", async () => {
  const fs = new MemoryFileSystem();
  fs.addFile("/home/f", "hello");
  await withServer(fs, async (client) => {
    const handle = await client.open("f", WRITE);
    const attributes = { size: 2, mode: 0o600, atime: 3, mtime: 4 };
    assert.deepEqual(await client.status(PacketType.fsetstat, [{ string: handle }, { attributes }]), [0, "Success"]);
    assert.equal(text(fs.content("/home/f")), "he");
    assert.deepEqual(await client.stat("f"), { size: 2, uid: 0, gid: 0, mode: 0o100600, atime: 3, mtime: 4 });
  });
});

Deno.test("serveSftp lists . and .. first, in batches, then EOF", async () => {
  const fs = new MemoryFileSystem();
  for (let number = 0; number < 250; number++) fs.addFile(`/home/file${number}`, "x");
  await withServer(fs, async (client) => {
    const opened = await client.request(PacketType.opendir, [{ string: "." }]);
    const handle = opened.reader.bytes();
    const names: string[] = [];
    const sizes: number[] = [];
    for (;;) {
      const { type, reader } = await client.request(PacketType.readdir, [{ string: handle }]);
      if (type === PacketType.status) break;
      sizes.push(reader.u32());
      for (let left = sizes.at(-1) ?? 0; left > 0; left--) {
        names.push(reader.text());
        assert.match(reader.text(), /^[-d]rw.* (?:file\d+|\.\.?)$/);
        assert.equal(reader.u32(), 15);
        for (let word = 0; word < 7; word++) reader.u32();
      }
    }
    assert.deepEqual(sizes, [100, 100, 52]);
    assert.deepEqual(names.slice(0, 3), [".", "..", "file0"]);
    assert.equal(new Set(names).size, 252);
  });
});

Deno.test("serveSftp takes the target of a symbolic link first, as OpenSSH does", async () => {
  const fs = new MemoryFileSystem({ home: "/home" });
  await withServer(fs, async (client) => {
    await client.status(PacketType.symlink, [{ string: "../target" }, { string: "link" }]);
    assert.equal(await fs.readLink("/home/link"), "../target");
    const { reader } = await client.request(PacketType.readlink, [{ string: "link" }]);
    assert.equal(reader.u32(), 1);
    assert.equal(reader.text(), "../target");
  });
});

Deno.test("serveSftp does all the changes to names", async () => {
  const fs = new MemoryFileSystem();
  fs.addFile("/home/a", "1");
  fs.addFile("/home/b", "2");
  await withServer(fs, async (client) => {
    const two = (type: number, first: string, second: string) =>
      client.status(type, [{ string: first }, { string: second }]);
    const ok = [0, "Success"];
    assert.deepEqual(await two(PacketType.rename, "a", "b"), [4, "File exists"]);
    const renamed = await client.extended("posix-rename@openssh.com", [{ string: "a" }, { string: "/home/b" }]);
    assert.deepEqual(statusOf(renamed), ok);
    assert.deepEqual(
      statusOf(await client.extended("hardlink@openssh.com", [{ string: "b" }, { string: "c" }])),
      ok,
    );
    assert.deepEqual(await client.status(PacketType.mkdir, [{ string: "d" }, { attributes: { mode: 0o700 } }]), ok);
    assert.equal(fs.entry("/home/d")?.mode, 0o040700);
    assert.deepEqual(await client.status(PacketType.remove, [{ string: "d" }]), [4, "Is a directory"]);
    assert.deepEqual(await client.status(PacketType.rmdir, [{ string: "d" }]), ok);
    assert.deepEqual(await client.status(PacketType.remove, [{ string: "b" }]), ok);
    assert.deepEqual([...fs.list("/home")].map(({ path }) => path), ["/home/c"]);
  });
});

Deno.test("serveSftp answers limits, statvfs, expand-path, home-directory and copy-data", async () => {
  const fs = new MemoryFileSystem({ home: "/home" });
  fs.addFile("/home/from", "0123456789");
  await withServer(fs, async (client) => {
    const { reader } = await client.extended("limits@openssh.com", []);
    assert.deepEqual([reader.u64(), reader.u64(), reader.u64(), reader.u64()], [262144, 261120, 261120, 12]);
    const statVfs = await client.extended("statvfs@openssh.com", [{ string: "." }]);
    assert.deepEqual([statVfs.type, statVfs.reader.u64(), statVfs.reader.left], [201, 4096, 80]);
    for (
      const [name, asked, told] of [["expand-path@openssh.com", "~/x", "/home/x"], ["home-directory", "", "/home"]]
    ) {
      const answer = await client.extended(name ?? "", [{ string: asked ?? "" }]);
      assert.deepEqual([answer.reader.u32(), answer.reader.text()], [1, told]);
    }
    const from = await client.open("from", READ);
    const to = await client.open("to", WRITE | CREATE);
    const copy = (from: Uint8Array, to: Uint8Array) =>
      client.extended("copy-data", [{ string: from }, { u64: 2 }, { u64: 5 }, { string: to }, { u64: 1 }]);
    assert.deepEqual(statusOf(await copy(from, to)), [0, "Success"]);
    assert.equal(text(fs.content("/home/to")), "\x0023456");
    assert.deepEqual(statusOf(await copy(from, from)), [4, "The ranges to copy overlap"]);
    assert.deepEqual(statusOf(await client.extended("fsync@openssh.com", [{ string: to }])), [0, "Success"]);
    assert.deepEqual(statusOf(await client.extended("nope@example.com", [])), [8, "Operation unsupported"]);
  }, { maxHandles: 12 });
});

Deno.test("serveSftp answers a request that is too short, unknown or for a wrong handle, and goes on", async () => {
  await withServer(new MemoryFileSystem({ home: "/home" }), async (client) => {
    assert.deepEqual(await client.status(PacketType.open, [{ u32: 1000 }]), [5, "Packet too short"]);
    assert.deepEqual(await client.status(77, []), [8, "Operation unsupported"]);
    assert.deepEqual(await client.status(PacketType.close, [{ string: "nope" }]), [4, "Invalid handle"]);
    assert.deepEqual(await client.status(PacketType.close, [{ string: "" }]), [4, "Invalid handle"]);
    assert.deepEqual(await client.status(PacketType.stat, [{ string: "" }]), [2, "No such file"]);
    const opened = await client.request(PacketType.opendir, [{ string: "/" }]);
    const handle = opened.reader.bytes();
    const read = await client.status(PacketType.read, [{ string: handle }, { u64: 0 }, { u32: 1 }]);
    assert.deepEqual(read, [4, "The handle is that of a directory"]);
    assert.deepEqual(await client.status(PacketType.close, [{ string: handle }]), [0, "Success"]);
    assert.deepEqual(await client.status(PacketType.readdir, [{ string: handle }]), [4, "Invalid handle"]);
  });
});

Deno.test("serveSftp bounds the open handles and closes those that are left at the end", async () => {
  const operations: string[] = [];
  const fs = new MemoryFileSystem({ onOperation: (operation, { path }) => operations.push(`${operation} ${path}`) });
  fs.addFile("/home/f", "x");
  await withServer(fs, async (client) => {
    await client.open("f", READ);
    const last = await client.open("f", READ);
    const refused = [StatusCode.failure, "Too many open handles: at most 2"];
    assert.deepEqual(await client.status(PacketType.open, [{ string: "f" }, { u32: 1 }, { u32: 0 }]), refused);
    assert.deepEqual(await client.status(PacketType.opendir, [{ string: "/" }]), refused);
    await client.status(PacketType.close, [{ string: last }]);
    await client.open("f", READ);
  }, { maxHandles: 2 });
  assert.equal(operations.filter((each) => each === "close /home/f").length, 3);
});

Deno.test("serveSftp refuses every change when it is read-only", async () => {
  const fs = new MemoryFileSystem();
  fs.addFile("/home/f", "x");
  await withServer(fs, async (client) => {
    const refused = [StatusCode.permissionDenied, "This server is read-only"];
    assert.deepEqual(await client.status(PacketType.remove, [{ string: "f" }]), refused);
    assert.deepEqual(await client.status(PacketType.open, [{ string: "g" }, { u32: WRITE }, { u32: 0 }]), refused);
    await client.open("f", READ);
  }, { isReadOnly: true });
  assert.equal(text(fs.content("/home/f")), "x");
});

Deno.test("serveSftp has slow reads under way together, and a write behind them waits for them", async () => {
  const fs = new MemoryFileSystem();
  fs.addFile("/home/f", "0123456789");
  const reads: ((length: number) => void)[] = [];
  const started = Promise.withResolvers<void>();
  const slow: SftpFileSystem = Object.create(fs, {
    open: {
      value: async (path: string, options: Parameters<SftpFileSystem["open"]>[1]) => {
        const file = await fs.open(path, options);
        return Object.create(file, {
          read: {
            value: () =>
              new Promise((resolve) => {
                reads.push(resolve);
                if (reads.length === 3) started.resolve();
              }),
          },
          write: { value: (bytes: Uint8Array, position: number) => file.write(bytes, position) },
          close: { value: () => file.close() },
        });
      },
    },
  });
  await withServer(slow, async (client) => {
    const handle = await client.open("f", READ | WRITE);
    const asked: number[] = [];
    for (let at = 0; at < 3; at++) {
      asked.push(await client.send(PacketType.read, [{ string: handle }, { u64: at }, { u32: 1 }]));
    }
    asked.push(await client.send(PacketType.write, [{ string: handle }, { u64: 0 }, { string: "AB" }]));
    await started.promise;
    assert.equal(text(fs.content("/home/f")), "0123456789");
    for (const resolve of reads.toReversed()) resolve(1);
    assert.deepEqual(
      await client.order(4),
      asked,
      "answers keep the order of the requests: scp -s cuts files otherwise",
    );
    assert.equal(text(fs.content("/home/f")), "AB23456789");
  });
});
