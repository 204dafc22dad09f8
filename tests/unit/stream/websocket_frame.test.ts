import assert from "node:assert/strict";
import { applyMask, encodeFrame, frameHeaderLength, OPCODE } from "../../../src/stream/websocket_frame.ts";
import { parseFrames, pattern, rawFrame } from "../../support/websocket_transport.ts";

const SIZES = [0, 1, 2, 3, 4, 47, 48, 49, 124, 125, 126, 127, 65_534, 65_535, 65_536, 65_537, 1 << 20];

Deno.test("encodeFrame writes every size as RFC 6455 5.2 has it, masked and not", () => {
  const mask = [0x11, 0xf2, 0x83, 0xa4] as const;
  const word = new DataView(new Uint8Array(mask).buffer).getInt32(0, true);
  for (const size of SIZES) {
    const payload = pattern(size);
    assert.deepEqual(encodeFrame(OPCODE.binary, payload), rawFrame({ payload }), `unmasked ${size}`);
    assert.deepEqual(encodeFrame(OPCODE.binary, payload, word), rawFrame({ payload, mask }), `masked ${size}`);
  }
});

Deno.test("frameHeaderLength is what encodeFrame writes", () => {
  for (const size of SIZES) {
    const payload = new Uint8Array(size);
    assert.equal(frameHeaderLength(size, false), encodeFrame(OPCODE.binary, payload).length - size);
    assert.equal(frameHeaderLength(size, true), encodeFrame(OPCODE.binary, payload, 1).length - size);
  }
});

Deno.test("applyMask masks wherever the bytes lie, and turns the mask for what follows", () => {
  const mask = [0xde, 0xad, 0xbe, 0x0f];
  const word = new DataView(new Uint8Array(mask).buffer).getInt32(0, true);
  for (let offset = 0; offset < 8; offset++) {
    for (const size of [0, 1, 3, 5, 47, 48, 51, 200]) {
      for (let cut = 0; cut <= Math.min(size, 7); cut++) {
        const buffer = new Uint8Array(offset + size + 8);
        const bytes = buffer.subarray(offset);
        bytes.set(pattern(size));
        const turned = applyMask(bytes, { from: 0, to: cut, mask: word });
        applyMask(bytes, { from: cut, to: size, mask: turned });
        const wanted = pattern(size).map((byte, i) => byte ^ (mask[i & 3] ?? 0));
        assert.deepEqual(bytes.slice(0, size), wanted, `offset ${offset} size ${size} cut ${cut}`);
        assert.deepEqual(bytes.slice(size), new Uint8Array(8), "what lies behind stays as it was");
      }
    }
  }
});

Deno.test("encodeFrame's masked frames come back whole", () => {
  const [frame] = parseFrames(encodeFrame(OPCODE.ping, pattern(125), -559_038_737));
  assert.deepEqual(frame, { opcode: OPCODE.ping, isMasked: true, payload: pattern(125) });
});
