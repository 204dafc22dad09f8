import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createCipheriv, randomBytes } from "node:crypto";
import { ChaCha20Poly1305, MAC_BYTES } from "../../../../src/ssh/cipher/chacha20_poly1305.ts";
import { poly1305 } from "./poly1305_reference.ts";

/** OpenSSH's PROTOCOL.chacha20poly1305, with node:crypto. */
function sealed(plain: Uint8Array, key: Uint8Array, sequence: number): Buffer {
  const nonce = Buffer.alloc(16);
  nonce.writeUInt32BE(sequence, 12);
  const stream = (from: number, counter: number, bytes: Uint8Array) => {
    nonce[0] = counter;
    const cipher = createCipheriv("chacha20", key.subarray(from, from + 32), nonce);
    return Buffer.concat([cipher.update(bytes), cipher.final()]);
  };
  const oneTimeKey = stream(0, 0, Buffer.alloc(32));
  const secret = Buffer.concat([stream(32, 0, plain.subarray(0, 4)), stream(0, 1, plain.subarray(4))]);
  return Buffer.concat([secret, poly1305(secret, oneTimeKey)]);
}

const LENGTHS = [12, 20, 28, 36, 68, 252, 260, 268, 516, 1004, 4100, 32_788];
const SEQUENCES = [0, 1, 255, 0x01020304, 0xffffffff];

Deno.test("ChaCha20Poly1305 seals packets of every length as node:crypto does, and opens them again", () => {
  const suite = new ChaCha20Poly1305();
  for (const bytes of LENGTHS) {
    for (const sequence of SEQUENCES) {
      const key = randomBytes(64);
      const plain = randomBytes(bytes);
      const packet = Buffer.concat([plain, Buffer.alloc(MAC_BYTES)]);
      suite.seal(packet, { key, sequence });
      assert.deepEqual(packet, sealed(plain, key, sequence), `${bytes} bytes, packet ${sequence}`);
      const [length, body, mac] = [packet.subarray(0, 4), packet.subarray(4, bytes), packet.subarray(bytes)];
      assert.equal(suite.openLength(length, { key, sequence }), plain.readUInt32BE());
      suite.open(body, { length, mac, key, sequence });
      assert.deepEqual(body, plain.subarray(4));
    }
  }
});

Deno.test("ChaCha20Poly1305 refuses a packet of which one bit was changed, and leaves it encrypted", () => {
  const suite = new ChaCha20Poly1305();
  const key = randomBytes(64);
  const packet = Buffer.alloc(300 + MAC_BYTES);
  suite.seal(packet, { key, sequence: 7 });
  for (const at of [0, 3, 4, 19, 20, 150, 299, 300, 315]) {
    const changed = Buffer.from(packet);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    const [length, body, mac] = [changed.subarray(0, 4), changed.subarray(4, 300), changed.subarray(300)];
    const before = Buffer.from(body);
    assert.throws(() => suite.open(body, { length, mac, key, sequence: 7 }), { message: "Invalid MAC" });
    assert.deepEqual(body, before);
  }
});

Deno.test("ChaCha20Poly1305 refuses a packet that came out of its turn", () => {
  const suite = new ChaCha20Poly1305();
  const key = randomBytes(64);
  const packet = Buffer.alloc(36 + MAC_BYTES);
  suite.seal(packet, { key, sequence: 7 });
  const parts = { length: packet.subarray(0, 4), mac: packet.subarray(36), key };
  assert.throws(() => suite.open(packet.subarray(4, 36), { ...parts, sequence: 8 }), { message: "Invalid MAC" });
});

Deno.test("ChaCha20Poly1305 refuses packets beyond its memory", () => {
  const suite = new ChaCha20Poly1305();
  assert.throws(() => suite.seal(new Uint8Array(70_000), { key: randomBytes(64), sequence: 0 }), {
    message: "A packet of 69984 bytes: needed 4 to 65536",
  });
});
