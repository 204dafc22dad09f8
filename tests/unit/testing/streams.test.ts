import assert from "node:assert/strict";
import { createMemoryPair } from "../../../src/stream/memory.ts";
import { cutAfter } from "../../../src/testing/cut_stream.ts";
import { FaultyStream } from "../../../src/testing/faulty_stream.ts";
import { LinkStream } from "../../../src/testing/link_stream.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array | null) => data && new TextDecoder().decode(data);

Deno.test("FaultyStream disconnects after exactly so many bytes of a phase", async () => {
  const [near, far] = createMemoryPair();
  using stream = new FaultyStream(near, { disconnect: { phase: "auth", bytes: 3 } });
  await stream.write(bytes("hello"));
  stream.enter("auth");
  await assert.rejects(stream.write(bytes("world")), { code: "tunnel_closed" });
  assert.equal(text(await far.read()), "hello");
  assert.equal(text(await far.read()), "wor");
  assert.equal(await far.read(), null);
  assert.equal(stream.sentBytes, 8);
});

Deno.test("FaultyStream begins the session behind the word that the client is let in", async () => {
  const [near, far] = createMemoryPair();
  using stream = new FaultyStream(near, { disconnect: { phase: "session", bytes: 0 } });
  await stream.write(bytes("keys"));
  stream.letIn();
  await stream.write(bytes("welcome"));
  assert.deepEqual([text(await far.read()), text(await far.read()), await far.read()], ["keys", "welcome", null]);
  assert.equal(stream.isGone, true);
});

Deno.test("FaultyStream stalls both ways, and lets go when it is disposed", async () => {
  const [near, far] = createMemoryPair();
  const stream = new FaultyStream(near, { stall: { phase: "connect", bytes: 2 } });
  const writing = stream.write(bytes("abc"));
  assert.equal(text(await far.read()), "ab");
  await far.write(bytes("x"));
  const reading = stream.read();
  stream[Symbol.dispose]();
  await assert.rejects(writing, { code: "tunnel_closed" });
  assert.equal(await reading, null);
});

Deno.test("FaultyStream puts garbage first, once", async () => {
  const [near, far] = createMemoryPair();
  using stream = new FaultyStream(near, { garbage: bytes("junk\n") });
  await stream.write(bytes("a"));
  await stream.write(bytes("b"));
  assert.deepEqual([text(await far.read()), text(await far.read()), text(await far.read())], ["junk\n", "a", "b"]);
});

Deno.test("FaultyStream enters the key exchange with the client's first line", async () => {
  const [near, far] = createMemoryPair();
  using stream = new FaultyStream(near, { disconnect: { phase: "kex", bytes: 0 } });
  await far.write(bytes("SSH-2.0-x"));
  assert.equal(text(await stream.read()), "SSH-2.0-x");
  await far.write(bytes("\r\n"));
  assert.equal(await stream.read(), null);
  assert.equal(await far.read(), null);
});

Deno.test("LinkStream delays without holding up: a hundred writes arrive after one latency", async () => {
  const [near, far] = createMemoryPair({ maxBufferedBytes: 1 << 20 });
  using link = new LinkStream(near, { oneWayMs: 30, bytesPerSecond: Infinity });
  const startedAt = performance.now();
  for (let at = 0; at < 100; at++) await link.write(new Uint8Array(1000));
  await link.closeWrite();
  let size = 0;
  for (let chunk = await far.read(); chunk; chunk = await far.read()) size += chunk.length;
  const tookMs = performance.now() - startedAt;
  assert.equal(size, 100_000);
  // One after the other they would take three seconds.
  assert.ok(tookMs >= 29 && tookMs < 3000, String(tookMs));
});

Deno.test("LinkStream ends its reader when the far end leaves, and its writer when it is disposed", async () => {
  const [near, far] = createMemoryPair();
  const link = new LinkStream(near, { oneWayMs: 1, bytesPerSecond: 1000 });
  await far.write(bytes("last"));
  await far.closeWrite();
  assert.equal(text(await link.read()), "last");
  assert.equal(await link.read(), null);
  const writing = link.write(new Uint8Array(1_000_000));
  link[Symbol.dispose]();
  await assert.rejects(writing, { code: "tunnel_closed" });
});

Deno.test("cutAfter writes so much and closes", async () => {
  const [near, far] = createMemoryPair();
  const stream = cutAfter(near, 3);
  await stream.write(bytes("ab"));
  await assert.rejects(stream.write(bytes("cd")), { code: "tunnel_closed" });
  assert.deepEqual([text(await far.read()), text(await far.read()), await far.read()], ["ab", "c", null]);
});
