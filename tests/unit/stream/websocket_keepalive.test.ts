import assert from "node:assert/strict";
import { failsWith, open, until } from "../../support/websocket_end.ts";
import { parseFrames, pattern, rawFrame, readAll } from "../../support/websocket_transport.ts";

Deno.test("WebSocketStream pings, and lives as long as anything comes back", async () => {
  using end = open("client", { pingIntervalMs: 5 });
  let answered = 0;
  while (answered < 8) {
    await until(() => parseFrames(end.transport.sent).length > answered);
    end.transport.push(rawFrame({ opcode: 10 }));
    answered++;
  }
  assert.ok(parseFrames(end.transport.sent).every(({ opcode, payload }) => opcode === 9 && payload.length === 0));
  end.transport.push(rawFrame({ payload: "x" }));
  assert.equal((await end.stream.read())?.length, 1);
});

Deno.test("WebSocketStream gives a far side up that has not answered two pings", async () => {
  using end = open("client", { pingIntervalMs: 5, maxMissedPongs: 2 });
  await assert.rejects(
    end.stream.read(),
    failsWith("tunnel_closed", "The far side has not answered 2 pings: it is gone"),
  );
  assert.ok(end.transport.isClosed);
  await assert.rejects(end.stream.write(pattern(1)), failsWith("tunnel_closed", /has not answered/));
});

Deno.test("WebSocketStream gives a far side up that takes no more bytes, and ends the write that waits for it", async () => {
  using end = open("client", { pingIntervalMs: 5, maxMissedPongs: 2 });
  end.transport.blockWrites();
  await assert.rejects(end.stream.write(pattern(10)), failsWith("tunnel_closed", /has not answered 2 pings/));
});

Deno.test("WebSocketStream does not take its own slow reader for a dead far side", async () => {
  using end = open("client", { pingIntervalMs: 5, maxMissedPongs: 2 });
  for (let i = 0; i < 10; i++) end.transport.push(rawFrame({ payload: pattern(65_536) }));
  await until(() => parseFrames(end.transport.sent).length > 6);
  assert.ok(!end.transport.isClosed);
  end.transport.push(null);
  assert.equal((await readAll(end.stream)).length, 655_360);
});
