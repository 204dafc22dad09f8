import assert from "node:assert/strict";
import { createMemoryPair } from "../../../src/stream/memory.ts";
import { pattern, readAll } from "../../support/websocket_transport.ts";

Deno.test("createMemoryPair carries both ways and ends each by closeWrite, twice too", async () => {
  const [a, b] = createMemoryPair();
  await a.write(pattern(10));
  await b.write(pattern(20));
  await Promise.all([a.closeWrite(), a.closeWrite(), b.closeWrite()]);
  assert.deepEqual(await readAll(b), pattern(10));
  assert.deepEqual(await readAll(a), pattern(20));
});

Deno.test("createMemoryPair copies what is written: the writer may use its array again", async () => {
  const [a, b] = createMemoryPair();
  const bytes = new Uint8Array([1, 2, 3]);
  await a.write(bytes);
  bytes.fill(9);
  assert.deepEqual(await b.read(), new Uint8Array([1, 2, 3]));
});

Deno.test("createMemoryPair lets a write wait until there is room", async () => {
  const [a, b] = createMemoryPair({ maxBufferedBytes: 10 });
  let isWritten = false;
  const writing = a.write(pattern(25)).then(() => isWritten = true);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assert.equal(isWritten, false);
  assert.deepEqual(await readAll(b, 25), pattern(25));
  await writing;
});

Deno.test("createMemoryPair disposed ends pending reads with null and fails pending writes", async () => {
  const [a, b] = createMemoryPair({ maxBufferedBytes: 1 });
  const reading = a.read();
  const writing = assert.rejects(a.write(pattern(5)), { code: "tunnel_closed" });
  b[Symbol.dispose]();
  b[Symbol.dispose]();
  assert.equal(await reading, null);
  await writing;
  await assert.rejects(a.write(pattern(1)), { code: "tunnel_closed" });
});
