import assert from "node:assert/strict";
import { PacketSplitter } from "../../../../src/ssh/sftp/packet_splitter.ts";

function framed(...lengths: number[]): Uint8Array {
  const parts = lengths.flatMap((length) => [
    ...new Uint8Array(new Uint32Array([length]).buffer).reverse(),
    ...Array.from({ length }, (_, at) => (length + at) % 251),
  ]);
  return new Uint8Array(parts);
}

function splitBy(bytes: Uint8Array, step: number): string[] {
  const splitter = new PacketSplitter({ maxBytes: 1 << 20 });
  const packets: string[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    for (const packet of splitter.split(bytes.subarray(at, at + step))) packets.push(packet.join());
  }
  assert.equal(splitter.isBetweenPackets, true);
  return packets;
}

Deno.test("PacketSplitter gives the same packets however the stream is cut", () => {
  const bytes = framed(1, 5, 300, 2, 4096);
  const whole = splitBy(bytes, bytes.length);
  assert.deepEqual(whole.map((each) => each.split(",").length), [1, 5, 300, 2, 4096]);
  for (const step of [1, 2, 3, 4, 5, 7, 64, 1000]) assert.deepEqual(splitBy(bytes, step), whole);
});

Deno.test("PacketSplitter puts together packets longer than its first buffer", () => {
  assert.deepEqual(splitBy(framed(200_000, 3), 32_768).map((each) => each.split(",").length), [200_000, 3]);
});

for (const length of [0, 1025, 0xffff_ffff]) {
  Deno.test(`PacketSplitter refuses a length of ${length}`, () => {
    const splitter = new PacketSplitter({ maxBytes: 1024 });
    const prefix = new Uint8Array(4);
    new DataView(prefix.buffer).setUint32(0, length);
    assert.throws(() => [...splitter.split(prefix)], {
      code: "protocol",
      message: `Cannot read an SFTP packet: it must be 1 to 1024 bytes long, its length says ${length}`,
    });
  });
}

Deno.test("PacketSplitter.isBetweenPackets is false within a length and within a packet", () => {
  const splitter = new PacketSplitter({ maxBytes: 1024 });
  assert.deepEqual([...splitter.split(new Uint8Array([0, 0]))], []);
  assert.equal(splitter.isBetweenPackets, false);
  assert.deepEqual([...splitter.split(new Uint8Array([0, 2, 9]))], []);
  assert.equal(splitter.isBetweenPackets, false);
  assert.deepEqual([...splitter.split(new Uint8Array([8]))].map((each) => [...each]), [[9, 8]]);
  assert.equal(splitter.isBetweenPackets, true);
});
