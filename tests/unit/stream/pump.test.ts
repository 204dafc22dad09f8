import assert from "node:assert/strict";
import type { ByteStream } from "../../../src/stream/byte_stream.ts";
import { createMemoryPair } from "../../../src/stream/memory.ts";
import { copyBytes, pump } from "../../../src/stream/pump.ts";
import { pattern, readAll } from "../../support/websocket_transport.ts";

Deno.test("pump carries both ways, passes each half-close on and counts", async () => {
  const [left, a] = createMemoryPair();
  const [b, right] = createMemoryPair();
  const pumping = pump(a, b);
  await left.write(pattern(1000));
  await left.closeWrite();
  assert.deepEqual(await readAll(right), pattern(1000));
  await right.write(pattern(70, 3));
  await right.closeWrite();
  assert.deepEqual(await readAll(left), pattern(70, 3));
  assert.deepEqual(await pumping, { aToB: 1000, bToA: 70 });
});

Deno.test("pump holds no more than its ends' buffers when one side does not read", async () => {
  const [left, a] = createMemoryPair({ maxBufferedBytes: 1000 });
  const [b, right] = createMemoryPair({ maxBufferedBytes: 1000 });
  const pumping = pump(a, b);
  let written = 0;
  const writing = (async () => {
    for (let i = 0; i < 100; i++) {
      await left.write(pattern(100));
      written += 100;
    }
    await left.closeWrite();
  })();
  for (let i = 0; i < 200; i++) await Promise.resolve();
  assert.ok(written <= 3100, `${written} bytes taken`);
  assert.equal((await readAll(right)).length, 10_000);
  await right.closeWrite();
  await Promise.all([writing, pumping]);
});

Deno.test("pump closes both sides when one fails, and throws what it threw", async () => {
  const [left, a] = createMemoryPair();
  const [b, right] = createMemoryPair();
  const failing: ByteStream = {
    read: () => b.read(),
    write: () => Promise.reject(new Error("disk full")),
    closeWrite: () => b.closeWrite(),
    [Symbol.dispose]: () => b[Symbol.dispose](),
  };
  const pumping = pump(a, failing);
  await left.write(pattern(1));
  await assert.rejects(pumping, /disk full/);
  assert.equal(await right.read(), null);
  assert.equal(await left.read(), null);
});

Deno.test("pump ends with the signal's reason and closes both sides", async () => {
  const [left, a] = createMemoryPair();
  const [b, right] = createMemoryPair();
  const controller = new AbortController();
  const pumping = pump(a, b, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(pumping, /enough/);
  assert.equal(await left.read(), null);
  assert.equal(await right.read(), null);
});

Deno.test("pump tells once when nothing has moved for a while, and again after the next bytes", async () => {
  const [left, a] = createMemoryPair();
  const [b, right] = createMemoryPair();
  let wake = Promise.withResolvers<void>();
  let told = 0;
  const notify = () => {
    told++;
    wake.resolve();
  };
  const pumping = pump(a, b, { idle: { afterMs: 5, notify } });
  await wake.promise;
  wake = Promise.withResolvers();
  await left.write(pattern(1));
  await right.read();
  await wake.promise;
  assert.equal(told, 2);
  left[Symbol.dispose]();
  right[Symbol.dispose]();
  await pumping.catch(() => {/* disposed under it: what it says of that does not matter here */});
});

Deno.test("copyBytes gives the number of bytes and ends the writer", async () => {
  const [left, a] = createMemoryPair();
  const [b, right] = createMemoryPair();
  await left.write(pattern(5));
  await left.closeWrite();
  assert.equal(await copyBytes(a, b), 5);
  assert.equal((await readAll(right)).length, 5);
});
