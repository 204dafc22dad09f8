import assert from "node:assert/strict";
import { failsWith, open, settle, until } from "../../support/websocket_end.ts";
import { concat, parseFrames, pattern, rawFrame, readAll } from "../../support/websocket_transport.ts";

const MASK = [17, 34, 51, 68] as const;

Deno.test("WebSocketStream as a client masks each frame anew and packs up to 256 KiB into one", async () => {
  using end = open("client");
  for (const size of [1, 125, 126, 65_536]) await end.stream.write(pattern(size));
  await end.stream.write(pattern(262_144 + 10));
  const frames = parseFrames(end.transport.sent);
  assert.deepEqual(frames.map(({ payload }) => payload.length), [1, 125, 126, 65_536, 262_144, 10]);
  assert.ok(frames.every(({ opcode, isMasked }) => opcode === 2 && isMasked));
  assert.deepEqual(concat(...frames.slice(-2).map(({ payload }) => payload)), pattern(262_144 + 10));
  const masks = [2, 2 + 4 + 1 + 2].map((at) => end.transport.sent.slice(at, at + 4).join());
  assert.notEqual(masks[0], masks[1]);
});

Deno.test("WebSocketStream as a server sends unmasked frames of at most 64 KiB, several in one write", async () => {
  using end = open("server");
  await end.stream.write(pattern(200_000));
  assert.equal(end.transport.writes.length, 1);
  const frames = parseFrames(end.transport.sent);
  assert.deepEqual(frames.map(({ payload }) => payload.length), [65_536, 65_536, 65_536, 3392]);
  assert.ok(frames.every(({ opcode, isMasked }) => opcode === 2 && !isMasked));
  assert.deepEqual(concat(...frames.map(({ payload }) => payload)), pattern(200_000));
});

Deno.test("WebSocketStream writes every size as the far side reads it", async () => {
  for (const role of ["client", "server"] as const) {
    using end = open(role);
    const sizes = [1, 2, 3, 124, 125, 126, 127, 65_534, 65_535, 65_536, 65_537, 1 << 20];
    for (const size of sizes) await end.stream.write(pattern(size, size));
    const got = concat(...parseFrames(end.transport.sent).map(({ payload }) => payload));
    assert.deepEqual(got, concat(...sizes.map((size) => pattern(size, size))));
  }
});

Deno.test("WebSocketStream.write does not change the caller's bytes and sends nothing for none", async () => {
  using end = open("client");
  const bytes = pattern(1000);
  await end.stream.write(bytes);
  assert.deepEqual(bytes, pattern(1000));
  const before = end.transport.writes.length;
  await end.stream.write(new Uint8Array(0));
  assert.equal(end.transport.writes.length, before);
});

Deno.test("WebSocketStream.read gives pieces as they arrive, without waiting for the message", async () => {
  using end = open("client");
  const whole = rawFrame({ payload: pattern(100_000) });
  end.transport.push(whole.slice(0, 1010));
  assert.deepEqual((await end.stream.read())?.slice(), pattern(100_000).slice(0, 1000));
  end.transport.push(whole.slice(1010), null);
  assert.deepEqual(await readAll(end.stream), pattern(100_000).slice(1000));
});

Deno.test("WebSocketStream.read gets frames that came in one segment with the handshake", async () => {
  using end = open("client", {
    buffered: concat(rawFrame({ payload: "SSH-2.0-x\r\n" }), rawFrame({ payload: "k" }).slice(0, 1)),
  });
  assert.equal(new TextDecoder().decode((await end.stream.read()) ?? undefined), "SSH-2.0-x\r\n");
  end.transport.push(rawFrame({ payload: "k" }).slice(1));
  assert.equal(new TextDecoder().decode((await end.stream.read()) ?? undefined), "k");
});

Deno.test("WebSocketStream answers a ping while nobody reads, with its payload", async () => {
  using end = open("client");
  end.transport.push(concat(rawFrame({ payload: "data" }), rawFrame({ opcode: 9, payload: "are you there" })));
  await until(() => end.transport.writes.length > 0);
  const [pong] = parseFrames(end.transport.sent);
  assert.equal(pong?.opcode, 10);
  assert.equal(new TextDecoder().decode(pong?.payload), "are you there");
  end.transport.push(rawFrame({ opcode: 9, payload: "still" }));
  await until(() => end.transport.writes.length > 1);
  assert.equal(new TextDecoder().decode((await end.stream.read()) ?? undefined), "data");
});

Deno.test("WebSocketStream keeps a few pings that came while a write was stuck, and the latest, to be answered", async () => {
  using end = open("client");
  end.transport.blockWrites();
  const writing = end.stream.write(pattern(10));
  for (let i = 0; i < 1000; i++) end.transport.push(rawFrame({ opcode: 9, payload: `${i}` }));
  await until(() => end.transport.bytesTaken > 4000);
  await settle();
  end.transport.unblockWrites();
  await writing;
  await until(() => end.transport.writes.length >= 2);
  await settle();
  const frames = parseFrames(end.transport.sent);
  assert.deepEqual(frames.map(({ opcode }) => opcode), [2, ...Array(16).fill(10)]);
  const answers = frames.slice(1).map(({ payload }) => Number(new TextDecoder().decode(payload)));
  assert.deepEqual(answers, [...Array(15).keys(), 999]);
});

Deno.test("WebSocketStream never mixes data, pongs and the close frame", async () => {
  using end = open("client");
  const writing = end.stream.write(pattern(1 << 20));
  end.transport.push(rawFrame({ opcode: 9, payload: "p" }));
  await Promise.all([writing, until(() => end.transport.bytesTaken > 0).then(() => end.stream.closeWrite())]);
  const frames = parseFrames(end.transport.sent);
  assert.equal(frames.at(-1)?.opcode, 8);
  assert.deepEqual(
    concat(...frames.filter(({ opcode }) => opcode === 2).map(({ payload }) => payload)),
    pattern(1 << 20),
  );
});

Deno.test("WebSocketStream keeps at most its two buffers for a reader that does not read", async () => {
  using end = open("client");
  const frame = rawFrame({ payload: pattern(65_536) });
  for (let i = 0; i < 200; i++) end.transport.push(frame);
  await settle();
  assert.ok(end.transport.bytesTaken <= 65_536, `${end.transport.bytesTaken} before the first read`);
  let seen = 0;
  for (let i = 0; i < 50; i++) {
    seen += (await end.stream.read())?.length ?? 0;
    await settle();
    assert.ok(end.transport.bytesTaken - seen <= 2 * 262_144 + 4096, `${end.transport.bytesTaken - seen} ahead`);
  }
  end.transport.push(null);
  const rest = await readAll(end.stream);
  assert.equal(seen + rest.length, 200 * 65_536);
});

Deno.test("WebSocketStream.read keeps what it gave untouched until the next read", async () => {
  using end = open("client");
  const sent = pattern(3_000_000);
  for (let at = 0; at < sent.length; at += 10_000) {
    end.transport.push(rawFrame({ payload: sent.slice(at, at + 10_000) }));
  }
  end.transport.push(rawFrame({ opcode: 8 }));
  const pieces: Uint8Array[] = [];
  for (let bytes = await end.stream.read(); bytes !== null; bytes = await end.stream.read()) {
    const before = bytes.slice();
    await settle();
    assert.deepEqual(bytes, before);
    pieces.push(before);
  }
  assert.deepEqual(concat(...pieces), sent);
});

Deno.test("WebSocketStream.closeWrite sends 1000 as a client, an empty close frame as a server, once", async () => {
  for (const [role, payload] of [["client", [3, 232]], ["server", []]] as const) {
    using end = open(role);
    await Promise.all([end.stream.closeWrite(), end.stream.closeWrite()]);
    await end.stream.closeWrite();
    const frames = parseFrames(end.transport.sent);
    assert.deepEqual(frames.map(({ opcode, payload }) => [opcode, [...payload]]), [[8, payload]]);
    await assert.rejects(end.stream.write(pattern(1)), failsWith("tunnel_closed", /this side has closed/));
  }
});

Deno.test("WebSocketStream reads on after closeWrite until the far side closes", async () => {
  using end = open("client");
  await end.stream.closeWrite();
  end.transport.push(
    concat(rawFrame({ payload: "last words" }), rawFrame({ opcode: 8, payload: new Uint8Array([3, 232]) })),
  );
  assert.equal(new TextDecoder().decode(await readAll(end.stream)), "last words");
});

Deno.test("WebSocketStream writes on after the far side has closed, and answers with its code", async () => {
  using end = open("client");
  end.transport.push(rawFrame({ opcode: 8, payload: new Uint8Array([3, 243, 110, 111]) }));
  assert.equal(await end.stream.read(), null);
  assert.equal(await end.stream.read(), null);
  assert.deepEqual(end.stream.closeInfo, { code: 1011, reason: "no" });
  await end.stream.write(pattern(3));
  await end.stream.closeWrite();
  assert.deepEqual(parseFrames(end.transport.sent).map(({ opcode }) => opcode), [2, 8]);
  assert.deepEqual([...parseFrames(end.transport.sent)[1]?.payload ?? []], [3, 243]);
});

Deno.test("WebSocketStream.closeInfo is 1005 for an empty close frame and 1006 for none", async () => {
  using empty = open("client");
  empty.transport.push(rawFrame({ opcode: 8 }));
  assert.equal(await empty.stream.read(), null);
  assert.deepEqual(empty.stream.closeInfo, { code: 1005, reason: "" });
  using none = open("client");
  none.transport.push(null);
  assert.equal(await none.stream.read(), null);
  assert.deepEqual(none.stream.closeInfo, { code: 1006, reason: "" });
});

Deno.test("WebSocketStream.read says that a frame was cut off, once what came was read", async () => {
  using end = open("client");
  end.transport.push(rawFrame({ payload: "abcdef" }).slice(0, 5), null);
  assert.equal(new TextDecoder().decode((await end.stream.read()) ?? undefined), "abc");
  await assert.rejects(
    end.stream.read(),
    failsWith("tunnel_closed", "The connection was cut in the middle of a WebSocket frame"),
  );
});

Deno.test("WebSocketStream answers bad frames with their close code and fails reads and writes", async () => {
  for (const [frame, code] of [[{ opcode: 3 }, 1002], [{ length: 1n << 40n }, 1009]] as const) {
    using end = open("client");
    end.transport.push(rawFrame(frame));
    await assert.rejects(end.stream.read(), failsWith("protocol", /^The far side broke the WebSocket protocol/));
    await assert.rejects(end.stream.write(pattern(1)), failsWith("protocol", /^The far side broke/));
    await until(() => end.transport.isClosed);
    const [close] = parseFrames(end.transport.sent);
    assert.deepEqual([close?.opcode, ...close?.payload ?? []], [8, code >> 8, code & 255]);
  }
});

Deno.test("WebSocketStream as a client refuses a close frame with an invalid code, as a server takes it", async () => {
  using client = open("client");
  client.transport.push(rawFrame({ opcode: 8, payload: new Uint8Array([3, 237]) }));
  await assert.rejects(client.stream.read(), failsWith("protocol", /invalid code 1005/));
  using server = open("server");
  server.transport.push(rawFrame({ opcode: 8, payload: new Uint8Array([9]), mask: MASK }));
  assert.equal(await server.stream.read(), null);
});

Deno.test("WebSocketStream answers every one of three pings that come at once", async () => {
  using end = open("server", { pingIntervalMs: 0 });
  end.transport.push(concat(...["", "a", "b"].map((payload) => rawFrame({ opcode: 9, mask: MASK, payload }))));
  await until(() => end.transport.writes.length >= 3);
  const frames = parseFrames(end.transport.sent);
  assert.deepEqual(frames.map(({ opcode, payload }) => [opcode, new TextDecoder().decode(payload)]), [
    [10, ""],
    [10, "a"],
    [10, "b"],
  ]);
});

Deno.test("WebSocketStream answers a close frame, also when it is disposed instead of closed", async () => {
  for (const role of ["client", "server"] as const) {
    using end = open(role);
    end.transport.push(
      rawFrame({ opcode: 8, payload: new Uint8Array([3, 232]), ...role === "server" ? { mask: MASK } : {} }),
    );
    assert.equal(await end.stream.read(), null);
    end.stream[Symbol.dispose]();
    await until(() => end.transport.isClosed);
    const [close] = parseFrames(end.transport.sent);
    assert.deepEqual([close?.opcode, ...close?.payload ?? []], role === "server" ? [8] : [8, 3, 232]);
  }
});

Deno.test("WebSocketStream disposed twice ends pending reads with null and pending writes with an error", async () => {
  const { stream, transport } = open("client");
  transport.blockWrites();
  const reading = stream.read();
  const writing = assert.rejects(stream.write(pattern(10)), failsWith("tunnel_closed", /broke/));
  await settle();
  stream[Symbol.dispose]();
  stream[Symbol.dispose]();
  assert.equal(await reading, null);
  await writing;
  assert.equal(await stream.read(), null);
  await assert.rejects(stream.write(pattern(1)), failsWith("tunnel_closed", /this side has closed/));
  await stream.closeWrite();
  assert.ok(transport.isClosed);
});

Deno.test("WebSocketStream without pings sends none", async () => {
  using end = open("server", { pingIntervalMs: 0 });
  end.transport.push(rawFrame({ opcode: 9, mask: MASK, payload: "hi" }));
  await until(() => end.transport.writes.length > 0);
  assert.deepEqual(parseFrames(end.transport.sent).map(({ opcode }) => opcode), [10]);
});

Deno.test("WebSocketStream sends its prefix in one write with the first frame that is there at once", async () => {
  const prefix = new TextEncoder().encode("HTTP/1.1 101 x\r\n\r\n");
  using end = open("server", { prefix });
  await end.stream.write(pattern(5));
  await end.stream.write(pattern(5));
  assert.equal(end.transport.writes.length, 2);
  assert.deepEqual(end.transport.writes[0], concat(prefix, rawFrame({ payload: pattern(5) })));
});

Deno.test("WebSocketStream sends its prefix by itself when there is nothing to say", async () => {
  const prefix = new TextEncoder().encode("HTTP/1.1 101 x\r\n\r\n");
  using end = open("server", { prefix });
  await until(() => end.transport.writes.length > 0);
  assert.deepEqual(end.transport.sent, prefix);
});

Deno.test("WebSocketStream.close waits for the far side's close frame, but not for ever", async () => {
  const polite = open("client");
  polite.transport.push(rawFrame({ payload: "late" }), rawFrame({ opcode: 8 }));
  await polite.stream.close();
  assert.ok(polite.transport.isClosed);
  const silent = open("client");
  await silent.stream.close({ graceMs: 5 });
  assert.ok(silent.transport.isClosed);
  assert.deepEqual(parseFrames(silent.transport.sent).map(({ opcode }) => opcode), [8]);
});
