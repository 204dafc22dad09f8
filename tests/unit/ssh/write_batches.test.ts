import assert from "node:assert/strict";
import { WriteBatches } from "../../../src/ssh/write_batches.ts";

const SIZES = [1, 20, 4096, 5000, 33_000, 17, 270_000, 3, 100_000];

/** A piece with bytes of its own, so that one in the wrong place shows. */
function piece(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + seed * 7) & 0xff);
}

Deno.test("WriteBatches gives back all that was added, in order, whether made in place or not", () => {
  const batches = new WriteBatches();
  const given: number[][] = [];
  const taken: number[][] = [];
  for (let step = 0; step < 60; step++) {
    const bytes = piece(SIZES[step % SIZES.length] ?? 1, step);
    given.push([...bytes]);
    if (step % 2 === 0) {
      const room = batches.room(bytes.length);
      room.set(bytes);
      batches.add(room);
    } else {
      batches.add(bytes);
      // It is the caller's again.
      bytes.fill(0);
    }
    if (step % 4 === 3) taken.push([...batches.take() ?? []]);
  }
  for (let bytes = batches.take(); bytes; bytes = batches.take()) taken.push([...bytes]);
  assert.deepEqual(taken.flat(), given.flat());
  assert.equal(batches.take(), undefined);
});

Deno.test("WriteBatches leaves what was taken alone until the next take", () => {
  const batches = new WriteBatches();
  batches.add(piece(100_000, 1));
  const first = batches.take() ?? new Uint8Array(0);
  for (let step = 0; step < 20; step++) batches.add(piece(50_000, step));
  assert.deepEqual(first, piece(100_000, 1));
});

Deno.test("WriteBatches gives room again that was not used", () => {
  const batches = new WriteBatches();
  batches.add(piece(10, 1));
  batches.room(20).fill(0xff);
  batches.add(piece(10, 2));
  assert.deepEqual(batches.take(), new Uint8Array([...piece(10, 1), ...piece(10, 2)]));
});

Deno.test("WriteBatches uses the memory of bulk data again, and lets it go behind the bulk", () => {
  const batches = new WriteBatches();
  const bulk = () => {
    batches.add(piece(100_000, 1));
    return batches.take()?.buffer;
  };
  const buffers = new Set(Array.from({ length: 10 }, bulk));
  assert.ok(buffers.size <= 2, `${buffers.size} buffers for ten writes`);
  batches.add(piece(10, 1));
  assert.equal(batches.take()?.buffer.byteLength, 4096);
  assert.equal(batches.take(), undefined);
  assert.ok(!buffers.has(bulk()));
});
