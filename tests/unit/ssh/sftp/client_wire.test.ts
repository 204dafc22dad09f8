import assert from "node:assert/strict";
import { createMemoryPair } from "../../../../src/stream/memory.ts";
import type { ByteStream } from "../../../../src/stream/byte_stream.ts";
import { openSftpClient } from "../../../../src/ssh/sftp/client.ts";
import { encodePacket } from "../../../../src/ssh/sftp/packets.ts";
import { PacketType } from "../../../../src/ssh/sftp/protocol.ts";

/** Lets `answer` speak for the server: it gets each packet's bytes. */
async function withFakeServer(
  answers: readonly Uint8Array[],
  talk: (near: ByteStream) => Promise<void>,
): Promise<void> {
  const [near, far] = createMemoryPair();
  const serving = (async () => {
    for (const answer of answers) {
      if (!await far.read()) return;
      await far.write(answer);
    }
  })();
  await talk(near);
  near[Symbol.dispose]();
  far[Symbol.dispose]();
  await serving;
}

const READ_WRITE = { read: true, write: true, append: false, create: false, truncate: false, exclusive: false };
const version = (number: number) => encodePacket(PacketType.version, [{ u32: number }]);

Deno.test("openSftpClient refuses another version, and what is not SFTP", async () => {
  await withFakeServer([version(2)], async (near) => {
    await assert.rejects(openSftpClient(near), {
      code: "protocol",
      message: "The SFTP server must speak version 3: it speaks 2",
    });
  });
  await withFakeServer([new TextEncoder().encode("Please log in first\n")], async (near) => {
    await assert.rejects(openSftpClient(near), { code: "protocol", message: /^Cannot read an SFTP packet/ });
  });
});

Deno.test("openSftpClient gives up on a server that says nothing", async () => {
  const [near] = createMemoryPair();
  await assert.rejects(openSftpClient(near, { timeoutMs: 20 }), {
    code: "timeout",
    message: "The SFTP server did not answer in time",
  });
  const controller = new AbortController();
  const [again] = createMemoryPair();
  const opening = openSftpClient(again, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(opening, { message: "enough" });
});

Deno.test("SftpClient takes 32 KiB at a time from a server that tells no limits, and short answers", async () => {
  const data = (id: number, length: number) =>
    encodePacket(PacketType.data, [{ u32: id }, { string: new Uint8Array(length).fill(id) }]);
  const handle = encodePacket(PacketType.handle, [{ u32: 1 }, { string: "h" }]);
  const eof = (id: number) => encodePacket(PacketType.status, [{ u32: id }, { u32: 1 }]);
  await withFakeServer([version(3), handle, data(2, 10), data(3, 5), eof(4)], async (near) => {
    const client = await openSftpClient(near);
    assert.deepEqual(client.limits, { maxReadBytes: 32_768, maxWriteBytes: 32_768 });
    const file = await client.open("f", READ_WRITE);
    assert.equal((await file.read(0, 10))?.length, 10);
    assert.equal((await file.read(0, 10))?.length, 5);
    assert.equal(await file.read(0, 10), null);
    await client[Symbol.asyncDispose]();
  });
});

Deno.test("SftpClient refuses names in a listing that lead elsewhere", async () => {
  for (const name of ["../evil", "/etc/passwd", ""]) {
    const names = encodePacket(PacketType.name, [
      { u32: 2 },
      { u32: 1 },
      { string: name },
      { string: "" },
      { attributes: {} },
    ]);
    const handle = encodePacket(PacketType.handle, [{ u32: 1 }, { string: "h" }]);
    await withFakeServer([version(3), handle, names], async (near) => {
      const client = await openSftpClient(near);
      await assert.rejects(() => Array.fromAsync(client.readFolder("d")), {
        code: "protocol",
        message: `The SFTP server listed a name that is none: ${JSON.stringify(name)}`,
      });
      await client[Symbol.asyncDispose]();
    });
  }
});
