import assert from "node:assert/strict";
import { dialTcp, streamFromConn } from "../../src/stream/tcp.ts";

Deno.test("ConnStream begins with small reads, takes more at once under load, and keeps every byte", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  using near = await dialTcp({ hostname: "127.0.0.1", port: listener.addr.port });
  using far = streamFromConn(await accepted);
  const sent = crypto.getRandomValues(new Uint8Array(65_536));
  const times = 64;
  const sending = (async () => {
    for (let at = 0; at < times; at++) await far.write(sent);
    await far.closeWrite();
  })();
  const sizes: number[] = [];
  let total = 0;
  for (let bytes; (bytes = await near.read()) !== null;) {
    sizes.push(bytes.length);
    for (let at = 0; at < bytes.length; at += 1013) assert.equal(bytes[at], sent[(total + at) % sent.length]);
    total += bytes.length;
  }
  await sending;
  assert.equal(total, times * sent.length);
  assert.ok((sizes[0] ?? 0) <= 16_384, `the first read took ${sizes[0]}`);
  assert.ok(Math.max(...sizes) > 16_384, `no read took more than ${Math.max(...sizes)}`);
});
