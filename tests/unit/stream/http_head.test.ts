import assert from "node:assert/strict";
import { AppError } from "../../../src/base/errors.ts";
import { BufferedSource } from "../../../src/stream/buffered_source.ts";
import { headerHasToken, headerValue, MAX_HEAD_BYTES, readHttpHead } from "../../../src/stream/http_head.ts";
import { FakeTransport } from "../../support/websocket_transport.ts";

function sourceOf(text: string, { pieceBytes = Infinity } = {}): BufferedSource {
  const transport = new FakeTransport({ maxReadBytes: pieceBytes });
  transport.push(new TextEncoder().encode(text), null);
  return new BufferedSource(transport);
}

const GET = "GET /a?b HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nX-List: a, B\r\nx-list:c\r\n\r\n";

Deno.test("readHttpHead reads start line and headers, however the bytes are cut", async () => {
  for (const pieceBytes of [1, 2, 3, 7, Infinity]) {
    const head = await readHttpHead(sourceOf(GET, { pieceBytes }));
    assert.ok(head);
    assert.equal(head.startLine, "GET /a?b HTTP/1.1");
    assert.equal(headerValue(head, "x-list"), "a, B, c");
    assert.equal(headerValue(head, "missing"), undefined);
    assert.ok(headerHasToken(head, "x-list", "b"));
    assert.ok(headerHasToken(head, "upgrade", "websocket"));
    assert.ok(!headerHasToken(head, "x-list", "d"));
  }
});

Deno.test("readHttpHead leaves what follows the blank line", async () => {
  const source = sourceOf(`${GET}first frame`);
  await readHttpHead(source);
  assert.equal(new TextDecoder().decode(source.buffered), "first frame");
});

Deno.test("readHttpHead takes bare line feeds", async () => {
  const head = await readHttpHead(sourceOf("GET / HTTP/1.1\nA: b\n\nrest"));
  assert.equal(head && headerValue(head, "a"), "b");
});

Deno.test("readHttpHead gives null for a stream that ends before its first byte", async () => {
  assert.equal(await readHttpHead(sourceOf("")), null);
});

Deno.test("readHttpHead refuses a head that is cut off", async () => {
  await assert.rejects(readHttpHead(sourceOf("GET / HT")), {
    code: "protocol",
    message: "The connection ended in the middle of an HTTP head, after 8 bytes",
  });
});

Deno.test("readHttpHead refuses more than 64 KiB, with and without a blank line behind", async () => {
  const wanted = { code: "protocol", message: "An HTTP head must fit into 65536 bytes: this one goes on after 65536" };
  const long = `GET / HTTP/1.1\r\nA: ${"x".repeat(MAX_HEAD_BYTES)}`;
  await assert.rejects(readHttpHead(sourceOf(long)), wanted);
  await assert.rejects(readHttpHead(sourceOf(`${long}\r\n\r\n`)), wanted);
  const fits = `GET / HTTP/1.1\r\nA: ${"x".repeat(MAX_HEAD_BYTES - 23)}\r\n\r\n`;
  assert.equal(fits.length, MAX_HEAD_BYTES);
  assert.ok(await readHttpHead(sourceOf(fits)));
});

Deno.test("readHttpHead looks at each byte once when they drip in one by one", async () => {
  const line = "a".repeat(MAX_HEAD_BYTES - 100);
  const startedAt = performance.now();
  await readHttpHead(sourceOf(`GET / HTTP/1.1\r\nA: ${line}\r\n\r\n`, { pieceBytes: 1 }));
  // Looking at all of it again for each of 65,000 bytes would be two thousand million steps.
  assert.ok(performance.now() - startedAt < 2000);
});

Deno.test("readHttpHead refuses another protocol as soon as it shows, without a blank line", async () => {
  const transport = new FakeTransport();
  transport.push(new TextEncoder().encode("SSH-2.0-OpenSSH_9.2\r\n"));
  const reading = readHttpHead(new BufferedSource(transport), { mustStartWith: "HTTP/1." });
  await assert.rejects(reading, (error: unknown) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.message, 'Expected an HTTP answer, got "SSH-2.0-OpenSSH_9.2"');
    return true;
  });
  transport.close();
});
