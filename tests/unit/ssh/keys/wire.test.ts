import assert from "node:assert/strict";
import { concatBytes, wireMpint, WireReader, wireString, wireUint32 } from "../../../../src/ssh/keys/wire.ts";

Deno.test("wireMpint writes the examples of RFC 4251 5", () => {
  const hex = (magnitude: string) => wireMpint(Uint8Array.fromHex(magnitude)).toHex();
  assert.equal(hex(""), "00000000");
  assert.equal(hex("00"), "00000000");
  assert.equal(hex("09a378f9b2e332a7"), "0000000809a378f9b2e332a7");
  assert.equal(hex("80"), "000000020080");
  assert.equal(hex("000080"), "000000020080");
});

Deno.test("WireReader reads what the writers wrote, mpints without their sign byte", () => {
  const bytes = concatBytes(wireUint32(7), wireString("schlüssel"), wireMpint(Uint8Array.of(0x80)), Uint8Array.of(1));
  const reader = new WireReader(bytes, "thing");
  assert.equal(reader.readUint32(), 7);
  assert.equal(reader.readText(), "schlüssel");
  assert.deepEqual(reader.readMpint(), Uint8Array.of(0x80));
  assert.equal(reader.isAtEnd, false);
  assert.deepEqual(reader.readRest(), Uint8Array.of(1));
  assert.equal(reader.isAtEnd, true);
});

Deno.test("WireReader refuses a length that leads past the end", () => {
  const reader = new WireReader(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1), 'private key "id"');
  assert.throws(() => reader.readString(), {
    code: "key_invalid",
    message: 'The private key "id" ends too early: needed 4294967295 bytes at 4, found 1',
  });
});
