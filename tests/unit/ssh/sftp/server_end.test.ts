import assert from "node:assert/strict";
import { createMemoryPair } from "../../../../src/stream/memory.ts";
import { MemoryFileSystem } from "../../../../src/ssh/sftp/memory_file_system.ts";
import { PacketType } from "../../../../src/ssh/sftp/protocol.ts";
import { serveSftp } from "../../../../src/ssh/sftp/server.ts";
import { RawSftpClient } from "../../../support/sftp_raw_client.ts";

const READ = 1;

Deno.test("serveSftp ends with an error for what is not SFTP, and closes the files all the same", async () => {
  const wrong: [string, Uint8Array][] = [
    [
      "Cannot read an SFTP packet: it must be 1 to 263168 bytes long, its length says 1195725856",
      enc("GET / HTTP/1.1"),
    ],
    ["An SFTP client must begin with INIT (1): got a packet of type 3", new Uint8Array([0, 0, 0, 1, 3])],
    ["The SFTP client ended within a packet", new Uint8Array([0, 0, 0, 9, 1])],
    [
      "An SFTP request of type 5 came without its number",
      new Uint8Array([0, 0, 0, 5, 1, 0, 0, 0, 3, 0, 0, 0, 2, 5, 0]),
    ],
  ];
  for (const [message, bytes] of wrong) {
    const [near, far] = createMemoryPair();
    const served = serveSftp(far, new MemoryFileSystem(), { startFolder: "/" });
    await near.write(bytes);
    await near.closeWrite();
    await assert.rejects(served, { code: "protocol", message });
    near[Symbol.dispose]();
  }
});

/** A server, and a client of its that has a file of 200 kB open. */
async function openBigFile() {
  const fs = new MemoryFileSystem();
  fs.addFile("/home/f", new Uint8Array(200_000));
  const [near, far] = createMemoryPair();
  const served = serveSftp(far, fs, { startFolder: "/home" });
  const client = new RawSftpClient(near);
  await client.init();
  const handle = await client.open("f", READ);
  return { near, far, served, client, handle };
}

Deno.test("serveSftp ends for garbage also when its answers are not read", async () => {
  const { near, far, served, client, handle } = await openBigFile();
  await client.send(PacketType.read, [{ string: handle }, { u64: 0 }, { u32: 200_000 }]);
  await near.write(new Uint8Array(4));
  await assert.rejects(served, { code: "protocol" });
  near[Symbol.dispose]();
  far[Symbol.dispose]();
});

Deno.test("serveSftp ends at once when its signal aborts", async () => {
  const [near, far] = createMemoryPair();
  const controller = new AbortController();
  const served = serveSftp(far, new MemoryFileSystem(), { startFolder: "/", signal: controller.signal });
  await new RawSftpClient(near).init();
  controller.abort(new Error("enough"));
  await assert.rejects(served, { message: "enough" });
  assert.equal(await near.read(), null);
});

Deno.test("serveSftp ends when the client vanishes without reading its answers", async () => {
  const { near, served, client, handle } = await openBigFile();
  for (let at = 0; at < 40; at++) {
    await client.send(PacketType.read, [{ string: handle }, { u64: 0 }, { u32: 200_000 }]);
  }
  near[Symbol.dispose]();
  await served;
});

function enc(string: string): Uint8Array {
  return new TextEncoder().encode(string);
}
