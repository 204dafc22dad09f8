import assert from "node:assert/strict";
import { AppError } from "../../../src/base/errors.ts";
import { FrameDecoder, parseClosePayload } from "../../../src/stream/websocket_decoder.ts";
import { concat, pattern, type RawFrame, rawFrame } from "../../support/websocket_transport.ts";

interface Decoded {
  readonly payload: Uint8Array;
  readonly controls: [opcode: number, payload: string][];
  readonly isBetweenFrames: boolean;
}

function decode(bytes: Uint8Array, { role = "client", pieceBytes = Infinity, maxFrameBytes = 1 << 26 }: {
  role?: "client" | "server";
  pieceBytes?: number;
  maxFrameBytes?: number;
} = {}): Decoded {
  const controls: [number, string][] = [];
  const decoder = new FrameDecoder({
    role,
    maxFrameBytes,
    onControl: (opcode, payload) => controls.push([opcode, new TextDecoder().decode(payload)]),
  });
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    pieces.push(decoder.decode(bytes.slice(at, at + pieceBytes)).slice());
  }
  return { payload: concat(...pieces), controls, isBetweenFrames: decoder.isBetweenFrames };
}

const refused = (what: string, closeCode = 1002) => (error: unknown) => {
  assert.ok(error instanceof AppError);
  assert.equal(error.code, "protocol");
  assert.equal(error.message, `The far side broke the WebSocket protocol: it sent ${what}`);
  assert.equal(error.details?.closeCode, closeCode);
  return true;
};

Deno.test("FrameDecoder takes every size out, masked at every alignment, however the bytes are cut", () => {
  for (const size of [0, 1, 2, 3, 124, 125, 126, 127, 65_534, 65_535, 65_536, 65_537]) {
    for (const mask of [undefined, [9, 200, 31, 77]] as const) {
      for (const pieceBytes of [1, 2, 3, 5, 7, 1000, Infinity]) {
        if (size > 1000 && pieceBytes < 1000) continue;
        const frame = { payload: pattern(size), ...(mask ? { mask } : {}) };
        const bytes = concat(rawFrame(frame), rawFrame({ payload: "z" }), rawFrame(frame));
        const { payload, isBetweenFrames } = decode(bytes, { role: "server", pieceBytes });
        assert.deepEqual(payload, concat(pattern(size), new Uint8Array([122]), pattern(size)));
        assert.ok(isBetweenFrames);
      }
    }
  }
});

Deno.test("FrameDecoder takes a frame of 1 MiB out of odd pieces", () => {
  const mask = [1, 2, 3, 4] as const;
  const { payload } = decode(rawFrame({ payload: pattern(1 << 20), mask }), { role: "server", pieceBytes: 65_537 });
  assert.deepEqual(payload, pattern(1 << 20));
});

Deno.test("FrameDecoder hands payload out before its frame is complete", () => {
  const whole = rawFrame({ payload: "abcdef" });
  const { payload, isBetweenFrames } = decode(whole.slice(0, 5));
  assert.deepEqual(payload, new TextEncoder().encode("abc"));
  assert.equal(isBetweenFrames, false);
});

Deno.test("FrameDecoder takes fragments with control frames between them, text as bytes", () => {
  const bytes = concat(
    rawFrame({ opcode: 1, isFinal: false, payload: "frag" }),
    rawFrame({ opcode: 9, payload: "p1" }),
    rawFrame({ opcode: 0, isFinal: false, payload: "men" }),
    rawFrame({ opcode: 10 }),
    rawFrame({ opcode: 0, payload: "ted" }),
    rawFrame({ opcode: 9, payload: "x".repeat(125) }),
  );
  for (const pieceBytes of [1, 4, Infinity]) {
    const { payload, controls } = decode(bytes, { pieceBytes });
    assert.equal(new TextDecoder().decode(payload), "fragmented");
    assert.deepEqual(controls, [[9, "p1"], [10, ""], [9, "x".repeat(125)]]);
  }
});

Deno.test("FrameDecoder drops what follows a close frame", () => {
  const { payload, controls } = decode(
    concat(rawFrame({ payload: "a" }), rawFrame({ opcode: 8 }), rawFrame({ payload: "b" }), rawFrame({ opcode: 9 })),
  );
  assert.equal(new TextDecoder().decode(payload), "a");
  assert.deepEqual(controls, [[8, ""]]);
});

const REFUSED: [RawFrame, string, number?][] = [
  [{ mask: [0, 0, 0, 0] }, "a masked frame, which a server must not send"],
  [{ reserved: 4, payload: "x" }, "a frame with reserved bits set, though no extension was agreed on"],
  [{ opcode: 9, reserved: 1 }, "a frame with reserved bits set, though no extension was agreed on"],
  [{ opcode: 3 }, "a frame with the unknown opcode 0x3"],
  [{ opcode: 15 }, "a frame with the unknown opcode 0xf"],
  [{ opcode: 9, payload: "x".repeat(126) }, "a control frame of 126 bytes"],
  [{ opcode: 8, length: 70_000n }, "a control frame of 70000 bytes"],
  [{ opcode: 9, isFinal: false }, "a control frame in fragments"],
  [{ opcode: 0 }, "a continuation of no message"],
  [{ length: 1n << 26n | 1n }, "a frame of 67108865 bytes, more than 67108864", 1009],
  [{ length: 1n << 63n }, "a frame of 9223372036854776000 bytes, more than 67108864", 1009],
];
for (const [frame, what, closeCode] of REFUSED) {
  Deno.test(`FrameDecoder as a client refuses ${what}`, () => {
    assert.throws(() => decode(rawFrame(frame)), refused(what, closeCode));
  });
}

Deno.test("FrameDecoder as a client refuses a new message inside another", () => {
  const bytes = concat(rawFrame({ isFinal: false, payload: "a" }), rawFrame({ payload: "b" }));
  assert.throws(() => decode(bytes), refused("a new message inside another"));
});

Deno.test("FrameDecoder as a server looks at neither FIN nor reserved bits nor the mask", () => {
  const bytes = concat(
    rawFrame({ opcode: 0, payload: "a", mask: [1, 2, 3, 4] }),
    rawFrame({ opcode: 1, isFinal: false, payload: "b" }),
    rawFrame({ opcode: 2, reserved: 7, payload: "c" }),
    rawFrame({ opcode: 9, isFinal: false, payload: "p" }),
  );
  const { payload, controls } = decode(bytes, { role: "server" });
  assert.equal(new TextDecoder().decode(payload), "abc");
  assert.deepEqual(controls, [[9, "p"]]);
});

Deno.test("FrameDecoder as a server still refuses what it cannot bound or does not know", () => {
  const asServer = { role: "server", maxFrameBytes: 1000 } as const;
  assert.throws(
    () => decode(rawFrame({ length: 1001n }), asServer),
    refused("a frame of 1001 bytes, more than 1000", 1009),
  );
  assert.throws(() => decode(rawFrame({ opcode: 9, length: 126n }), asServer), refused("a control frame of 126 bytes"));
  assert.throws(() => decode(rawFrame({ opcode: 11 }), asServer), refused("a frame with the unknown opcode 0xb"));
});

Deno.test("parseClosePayload reads code and reason, and none as 1005", () => {
  assert.deepEqual(parseClosePayload(new Uint8Array(0)), { code: 1005, reason: "" });
  assert.deepEqual(parseClosePayload(new Uint8Array([3, 243, 104, 105])), { code: 1011, reason: "hi" });
  for (const code of [1000, 1003, 1007, 1014, 3000, 4999]) {
    assert.equal(parseClosePayload(new Uint8Array([code >> 8, code & 255])).code, code);
  }
});

Deno.test("parseClosePayload refuses half a code and codes that may not be sent", () => {
  assert.throws(() => parseClosePayload(new Uint8Array([3])), refused("a close frame with the invalid code 0"));
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]) {
    const payload = new Uint8Array([code >> 8, code & 255]);
    assert.throws(() => parseClosePayload(payload), refused(`a close frame with the invalid code ${code}`));
  }
});
