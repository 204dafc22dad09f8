import assert from "node:assert/strict";
import { ReceiveQueue } from "../../../../src/ssh/server/receive_queue.ts";

Deno.test("ReceiveQueue keeps what it was given, byte for byte", () => {
  const queue = new ReceiveQueue();
  const source = crypto.getRandomValues(new Uint8Array(65_536));
  const out: Uint8Array[] = [];
  let at = 0;
  for (let step = 0; at < source.length; step++) {
    const size = Math.min([1, 3, 4095, 4097, 17, 250][step % 6] ?? 1, source.length - at);
    queue.push(source.slice(at, at + size));
    at += size;
    if (step % 5 === 4) out.push(queue.take().slice());
  }
  while (!queue.isEmpty) out.push(queue.take().slice());
  assert.deepEqual(new Uint8Array(out.flatMap((piece) => [...piece])), source);
});

Deno.test("ReceiveQueue makes few pieces of many small ones", () => {
  const queue = new ReceiveQueue();
  for (let i = 0; i < 100_000; i++) queue.push(new Uint8Array([i]));
  let takes = 0;
  for (; !queue.isEmpty; takes++) queue.take();
  assert.ok(takes < 4, `${takes} reads`);
});
