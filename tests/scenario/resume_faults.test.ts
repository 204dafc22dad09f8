import assert from "node:assert/strict";
import type { ByteStream } from "../../src/stream/byte_stream.ts";
import { copyBytes } from "../../src/stream/pump.ts";
import { dialResumable } from "../../src/stream/resume/dial.ts";
import { RESUME_AGAIN, RESUME_NEW } from "../../src/stream/resume/protocol.ts";
import { ResumeSessions } from "../../src/stream/resume/server.ts";
import { dialWebSocket } from "../../src/stream/websocket_client.ts";
import { type ConnectionPlan, FaultProxy } from "../support/fault_proxy.ts";
import { until } from "../support/websocket_end.ts";
import { WebSocketListener } from "../support/websocket_listener.ts";
import { pattern, readAll } from "../support/websocket_transport.ts";

/** So that silence is noticed within the test: two pings without an answer. */
const PING_MS = 60;

/** A session over real WebSockets to an echo, behind a proxy that misbehaves as planned. */
async function makeEcho(plan: (index: number) => ConnectionPlan) {
  const stack = new AsyncDisposableStack();
  const sessions = new ResumeSessions();
  const listener = stack.use(
    new WebSocketListener(async (stream) => {
      if (stream.protocol === RESUME_AGAIN) await sessions.resume(stream, { identity: "" });
      else void echo(sessions.open(stream, { identity: "" }));
      // The listener closes the connection when this is over.
      await until(() => isOver);
    }, { protocols: [RESUME_NEW, RESUME_AGAIN], pingIntervalMs: PING_MS }),
  );
  let isOver = false;
  stack.use(sessions);
  stack.defer(() => void (isOver = true));
  const faults = stack.use(new FaultProxy({ target: { hostname: "127.0.0.1", port: listener.port }, plan }));
  const stream = await dialResumable(({ protocols, signal }) =>
    dialWebSocket({ url: `ws://127.0.0.1:${faults.port}/`, protocols, signal, pingIntervalMs: PING_MS })
  );
  stack.use(stream);
  return { stream, faults, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function echo(stream: ByteStream): Promise<void> {
  try {
    await copyBytes(stream, stream);
  } catch {
    // The session was given up with the test.
  } finally {
    stream[Symbol.dispose]();
  }
}

/** Sends `bytes` and takes all that comes back. */
async function sendThrough(stream: ByteStream, bytes: Uint8Array): Promise<Uint8Array> {
  const receiving = readAll(stream);
  for (let at = 0; at < bytes.length; at += 50_000) await stream.write(bytes.subarray(at, at + 50_000));
  await stream.closeWrite();
  return await receiving;
}

const PLANS: [name: string, plan: (index: number) => ConnectionPlan][] = [
  [
    "is silently dead in the middle, both ways",
    (index) => index === 0 ? { faults: [{ kind: "stall", way: "both", atByte: 300_000 }] } : {},
  ],
  [
    "passes nothing on upward any more",
    (index) => index === 0 ? { faults: [{ kind: "stall", way: "up", atByte: 200_000 }] } : {},
  ],
  [
    "passes nothing on downward any more",
    (index) => index === 0 ? { faults: [{ kind: "stall", way: "down", atByte: 200_000 }] } : {},
  ],
  [
    "ends one direction",
    (index) => index === 0 ? { faults: [{ kind: "half-close", way: "down", atByte: 100_000 }] } : {},
  ],
  [
    "ends the other direction",
    (index) => index === 0 ? { faults: [{ kind: "half-close", way: "up", atByte: 100_000 }] } : {},
  ],
  [
    "resets, then refuses, then cuts in the handshake",
    (index) =>
      index === 0
        ? { faults: [{ kind: "reset", way: "up", atByte: 150_000 }] }
        : index === 1
        ? { isRefused: true }
        : index === 2
        ? { faults: [{ kind: "cut", way: "down", atByte: 150 }] }
        : {},
  ],
  ["is slow and hesitates", () => ({
    bytesPerSecond: 4_000_000,
    latencyMs: 2,
    faults: [{ kind: "delay", way: "up", atByte: 100_000, ms: 100 }],
  })],
];
for (const [name, plan] of PLANS) {
  Deno.test(`a session brings every byte once over a path that ${name}`, async () => {
    await using it = await makeEcho(plan);
    const bytes = pattern(600_000);
    assert.deepEqual(await sendThrough(it.stream, bytes), bytes);
  });
}

Deno.test("a session notices a path that died while nothing was sent", async () => {
  await using it = await makeEcho(() => ({}));
  await it.stream.write(pattern(10));
  assert.equal((await readAll(it.stream, 10)).length, 10);
  it.faults.stallAll();
  await until(() => it.faults.connectionCount === 2);
  await it.stream.write(pattern(20));
  assert.deepEqual(await readAll(it.stream, 20), pattern(20));
});
