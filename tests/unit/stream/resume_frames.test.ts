import assert from "node:assert/strict";
import { FrameReader } from "../../../src/stream/resume/frame_reader.ts";
import {
  encodeAck,
  encodeClose,
  encodeFin,
  encodeResume,
  encodeWelcome,
  MAX_UNACKED_BYTES,
  type ResumeFrame,
  writeDataHeader,
} from "../../../src/stream/resume/protocol.ts";
import { Inbox } from "../../../src/stream/resume/inbox.ts";
import { ReplayBuffer } from "../../../src/stream/resume/replay_buffer.ts";
import { pauseBeforeMs } from "../../../src/stream/resume/backoff.ts";
import { failsWith } from "../../support/websocket_end.ts";
import { concat, pattern } from "../../support/websocket_transport.ts";

const ID = pattern(32);

/** All frames in `bytes`, fed `step` bytes at a time, the pieces of a payload joined. */
function readFrames(bytes: Uint8Array, step: number): ResumeFrame[] {
  const reader = new FrameReader();
  const frames: ResumeFrame[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    reader.feed(bytes.subarray(at, at + step));
    for (let frame = reader.next(); frame; frame = reader.next()) {
      const last = frames.at(-1);
      if (frame.kind === "data" && last?.kind === "data" && last.sequence + last.payload.length === frame.sequence) {
        frames[frames.length - 1] = { ...last, payload: concat(last.payload, frame.payload) };
      } else {
        frames.push(frame);
      }
    }
  }
  return frames;
}

function dataFrame(sequence: number, { ack, payload }: { ack: number; payload: Uint8Array }): Uint8Array {
  const bytes = new Uint8Array(20 + payload.length);
  writeDataHeader(bytes, 0, { sequence, ack, length: payload.length });
  bytes.set(payload, 20);
  return bytes;
}

Deno.test("frames are on the wire as docs/resume.md says", () => {
  assert.deepEqual(
    [...encodeAck(0x1_0203_0405_06)],
    [4, 0, 0, 8, 0, 0, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06].slice(0, 12),
  );
  assert.deepEqual([...encodeClose(2)], [6, 0, 0, 1, 2]);
  assert.deepEqual(
    [...encodeFin({ sequence: 1, ack: 2 })],
    [5, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2],
  );
  assert.deepEqual([...encodeResume({ id: ID, received: 3 })], [2, 0, 0, 40, ...ID, 0, 0, 0, 0, 0, 0, 0, 3]);
  assert.deepEqual(
    [...encodeWelcome({ id: ID, received: 3, holdSeconds: 900 })],
    [1, 0, 0, 44, ...ID, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 3, 132],
  );
  assert.deepEqual(
    [...dataFrame(256, { ack: 1, payload: new Uint8Array([9]) })],
    [3, 0, 0, 17, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9],
  );
});

Deno.test("FrameReader finds the same frames however the bytes are cut", () => {
  const bytes = concat(
    encodeWelcome({ id: ID, received: 2 ** 40, holdSeconds: 900 }),
    dataFrame(7, { ack: 9, payload: pattern(100) }),
    encodeAck(2 ** 53 - 1),
    encodeResume({ id: ID, received: 5 }),
    encodeFin({ sequence: 107, ack: 10 }),
    encodeClose(3),
  );
  const expected: ResumeFrame[] = [
    { kind: "welcome", id: ID, received: 2 ** 40, holdSeconds: 900 },
    { kind: "data", sequence: 7, ack: 9, payload: pattern(100) },
    { kind: "ack", ack: 2 ** 53 - 1 },
    { kind: "resume", id: ID, received: 5 },
    { kind: "fin", sequence: 107, ack: 10 },
    { kind: "close", code: 3 },
  ];
  for (let step = 1; step <= bytes.length; step++) assert.deepEqual(readFrames(bytes.slice(), step), expected);
});

const REFUSED: [name: string, bytes: number[], message: string][] = [
  ["an unknown type", [9, 0, 0, 0], "a frame of the unknown type 9"],
  ["type 0", [0, 0, 0, 0], "a frame of the unknown type 0"],
  ["an ACK of another length", [4, 0, 0, 9], "a frame of type 4 with 9 bytes: needed 8"],
  ["a DATA frame without payload", [3, 0, 0, 16], "a DATA frame with 0 bytes"],
  ["a DATA frame that ends in its header", [3, 0, 0, 3], "a DATA frame with -13 bytes"],
  ["a DATA frame above 1 MiB", [3, 0x10, 0, 0x11], "a DATA frame with 1048577 bytes"],
  ["a number above 2^53", [4, 0, 0, 8, 0, 0x20, 0, 0, 0, 0, 0, 0], "a sequence number above 2^53"],
];
for (const [name, bytes, what] of REFUSED) {
  Deno.test(`FrameReader refuses ${name}`, () => {
    const reader = new FrameReader();
    reader.feed(new Uint8Array(bytes));
    assert.throws(
      () => reader.next(),
      failsWith("protocol", `The far side broke the resume protocol: it sent ${what}`),
    );
  });
}

Deno.test("ReplayBuffer sends again from any byte, in frames that fit", () => {
  const bytes = pattern(70_000);
  for (const from of [0, 1, 19, 20, 21, 4000, 65_535, 69_999, 70_000]) {
    const buffer = new ReplayBuffer();
    for (let at = 0, size = 1; at < bytes.length; at += size, size = size * 3 % 9001) {
      buffer.append(bytes.subarray(at, Math.min(at + size, bytes.length)));
      if (size % 2) buffer.take(0);
    }
    while (buffer.take(0));
    assert.equal(buffer.unsentBytes, 0);
    buffer.rewind(from);
    assert.equal(buffer.unsentBytes, bytes.length - from);
    const frames: Uint8Array[] = [];
    for (let frame = buffer.take(77); frame; frame = buffer.take(77)) frames.push(frame.slice());
    const [data, ...more] = readFrames(concat(...frames), 997);
    assert.equal(more.length, 0);
    if (from === bytes.length) assert.equal(data, undefined);
    else assert.deepEqual(data, { kind: "data", sequence: from, ack: 77, payload: bytes.slice(from) });
    buffer.acknowledge(bytes.length);
    assert.equal(buffer.room, MAX_UNACKED_BYTES);
  }
});

Deno.test("ReplayBuffer counts what keystrokes cost besides their byte", () => {
  const buffer = new ReplayBuffer(64 * 1024);
  let count = 0;
  for (; buffer.room > 0; count++) {
    buffer.append(pattern(1));
    buffer.take(0);
  }
  assert.ok(count < 64 * 1024 / 100, `${count} frames in 64 KiB`);
});

Deno.test("ReplayBuffer goes on from the larger of what was acknowledged and what a RESUME said", () => {
  const buffer = new ReplayBuffer();
  buffer.append(pattern(10));
  buffer.take(0);
  buffer.acknowledge(5);
  buffer.rewind(4);
  assert.deepEqual(readFrames(buffer.take(0)?.slice() ?? new Uint8Array(0), 99), [
    { kind: "data", sequence: 5, ack: 0, payload: pattern(10).slice(5) },
  ]);
});

Deno.test("ReplayBuffer refuses an acknowledgement of what was not sent", () => {
  const buffer = new ReplayBuffer();
  buffer.append(pattern(10));
  assert.throws(() => buffer.acknowledge(1), failsWith("protocol", /bytes that were not sent/));
  buffer.take(0);
  buffer.acknowledge(5);
  assert.throws(() => buffer.rewind(11), failsWith("protocol", /bytes that were not sent/));
});

Deno.test("Inbox puts pieces of a byte aside together", async () => {
  const inbox = new Inbox(() => {});
  inbox.spill();
  const size = 100_000;
  const bytes = pattern(size);
  for (let at = 0; at < size; at++) inbox.deliver({ sequence: at, payload: bytes.subarray(at, at + 1) }, () => {});
  inbox.deliverFin(size);
  let reads = 0;
  let at = 0;
  for (let piece = await inbox.read(); piece; piece = await inbox.read(), reads++) {
    assert.deepEqual(piece, bytes.subarray(at, at + piece.length));
    at += piece.length;
  }
  assert.equal(at, size);
  assert.ok(reads < 30, `${reads} pieces`);
});

Deno.test("pauseBeforeMs begins at once, then doubles from 0.5 s to 15 s", () => {
  const middle = () => 0.5;
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7, 100].map((attempt) => pauseBeforeMs(attempt, middle)), [
    0,
    500,
    1000,
    2000,
    4000,
    8000,
    15_000,
    15_000,
    15_000,
  ]);
  assert.deepEqual([pauseBeforeMs(1, () => 0), pauseBeforeMs(1, () => 1)], [375, 625]);
});
