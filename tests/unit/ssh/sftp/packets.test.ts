import assert from "node:assert/strict";
import { readAttributes, type SftpAttributes } from "../../../../src/ssh/sftp/attributes.ts";
import { encodePacket } from "../../../../src/ssh/sftp/packets.ts";
import { WireReader } from "../../../../src/ssh/sftp/wire_reader.ts";

function roundTrip(attributes: SftpAttributes): SftpAttributes {
  const reader = new WireReader(encodePacket(105, [{ attributes }]), 5);
  const read = readAttributes(reader);
  assert.equal(reader.left, 0);
  return read;
}

Deno.test("readAttributes reads what encodePacket wrote, and nothing that was absent", () => {
  const all = { size: 2 ** 40 + 1, uid: 1000, gid: 4_294_967_295, mode: 0o100644, atime: 1, mtime: 4_294_967_295 };
  assert.deepEqual(roundTrip(all), all);
  assert.deepEqual(roundTrip({}), {});
  assert.deepEqual(roundTrip({ mode: 0o755 }), { mode: 0o755 });
});

Deno.test("encodePacket brings times that do not fit 32 bits to the nearest that do", () => {
  assert.deepEqual(roundTrip({ atime: -5, mtime: 2 ** 33 }), { atime: 0, mtime: 0xffff_ffff });
  assert.deepEqual(roundTrip({ atime: 1.9, mtime: 2.1 }), { atime: 1, mtime: 2 });
});

Deno.test("readAttributes skips extended attributes", () => {
  const bytes = encodePacket(0, [{ u32: 0x8000_0004 }, { u32: 0o644 }, { u32: 1 }, { string: "a" }, { string: "b" }]);
  assert.deepEqual(readAttributes(new WireReader(bytes, 5)), { mode: 0o644 });
});

Deno.test("readAttributes refuses a count of extended attributes that the packet cannot hold", () => {
  const bytes = encodePacket(0, [{ u32: 0x8000_0000 }, { u32: 0xffff_ffff }]);
  assert.throws(() => readAttributes(new WireReader(bytes, 5)), { status: 5, message: "Packet too short" });
});

Deno.test("encodePacket and WireReader keep text, bytes and 64-bit numbers", () => {
  const packet = encodePacket(7, [{ u32: 1 }, { u64: 2 ** 50 }, { string: "häß" }, {
    string: new Uint8Array([0, 255]),
  }]);
  assert.deepEqual([...packet.subarray(0, 5)], [0, 0, 0, packet.length - 4, 7]);
  const reader = new WireReader(packet, 5);
  assert.deepEqual([reader.u32(), reader.u64(), reader.text(), [...reader.bytes()]], [1, 2 ** 50, "häß", [0, 255]]);
  assert.throws(() => reader.u8(), { status: 5 });
});

Deno.test("WireReader refuses what is no text, a NUL in a path, and numbers past 2^53", () => {
  const reader = (...fields: Parameters<typeof encodePacket>[1]) => new WireReader(encodePacket(0, fields), 5);
  assert.throws(() => reader({ string: new Uint8Array([0x61, 0xff]) }).text(), { status: 5 });
  assert.throws(() => reader({ string: "a\0b" }).path(), { status: 2 });
  assert.throws(() => reader({ u64: 2n ** 63n }).u64(), { status: 5, message: "Number too large" });
  assert.equal(reader({ u64: 2n ** 63n }).u64Clamped(), Number.MAX_SAFE_INTEGER);
  assert.equal(reader({ string: "\ufeffbom" }).text(), "\ufeffbom");
});

Deno.test("WireReader.path and encodePacket keep names that are not UTF-8", () => {
  const bytes = new Uint8Array([0x61, 0xff, 0xc3, 0xa9]);
  const path = new WireReader(encodePacket(0, [{ string: bytes }]), 5).path();
  assert.deepEqual(encodePacket(0, [{ string: path }]), encodePacket(0, [{ string: bytes }]));
});
