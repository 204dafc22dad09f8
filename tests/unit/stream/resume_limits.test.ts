import assert from "node:assert/strict";
import { AppError } from "../../../src/base/errors.ts";
import type { ByteStream } from "../../../src/stream/byte_stream.ts";
import { copyBytes } from "../../../src/stream/pump.ts";
import { dialResumable } from "../../../src/stream/resume/dial.ts";
import { CLOSE, encodeClose, encodeResume, RESUME_AGAIN, RESUME_NEW } from "../../../src/stream/resume/protocol.ts";
import { FrameReader } from "../../../src/stream/resume/frame_reader.ts";
import { ResumableSession } from "../../../src/stream/resume/session.ts";
import { ResumeSessions } from "../../../src/stream/resume/server.ts";
import { dialerTo, joinedCarriers } from "../../support/resume_carriers.ts";
import { failsWith, until } from "../../support/websocket_end.ts";
import { pattern, readAll } from "../../support/websocket_transport.ts";

Deno.test("an agent ends a held session after its time, and one too many at once", async () => {
  await using sessions = new ResumeSessions({ holdMs: 300, maxHeld: 1 });
  const ends: Promise<unknown>[] = [];
  const onNew = (stream: ByteStream) => void ends.push(stream.read().then(() => stream.read()).catch((error) => error));
  for (let i = 0; i < 2; i++) {
    const { dial, carriers } = dialerTo(sessions, { onNew });
    const stream = await dialResumable((options) => {
      if (carriers.length === 0) return dial(options);
      return Promise.reject(new AppError("auth_denied", "no"));
    });
    await stream.write(pattern(1));
    await until(() => (carriers[0]?.bytesSent ?? 0) > 0);
    await new Promise((resolve) => setTimeout(resolve, 0));
    carriers[0]?.cut();
    await assert.rejects(readAll(stream));
    stream[Symbol.dispose]();
  }
  const [first, second] = await Promise.all(ends);
  failsWith("tunnel_closed", "Too many sessions waited for their clients")(first);
  failsWith("tunnel_closed", "The client did not come back within 300ms")(second);
  assert.equal(sessions.count, 0);
});

Deno.test("a client is told that its session was given up for others, and the agent says so", async () => {
  const limits: string[] = [];
  await using sessions = new ResumeSessions({ maxHeld: 1, onLimit: (line) => limits.push(line) });
  const isFull = Promise.withResolvers<void>();
  const open = async () => {
    const { dial, carriers } = dialerTo(sessions, { onNew: (stream) => void stream.write(pattern(1)) });
    const stream = await dialResumable(async (options) => {
      if (carriers.length > 0) await isFull.promise;
      return await dial(options);
    });
    assert.equal((await stream.read())?.length, 1);
    carriers[0]?.cut();
    return stream;
  };
  using first = await open();
  await until(() => sessions.heldCount === 1);
  using second = await open();
  await until(() => sessions.count === 1);
  isFull.resolve();
  await assert.rejects(
    first.read(),
    failsWith("tunnel_closed", "The agent gave the session up: it holds as many as it may"),
  );
  assert.deepEqual(limits, ["2 sessions with 0 MiB wait for their clients: gave up the one that has waited longest"]);
  await until(() => sessions.heldCount === 0 && sessions.count === 1);
  second[Symbol.dispose]();
});

Deno.test("sessions that nobody has logged in to are given up before those of others, however long these wait", async () => {
  await using sessions = new ResumeSessions({ maxHeld: 2 });
  const hold = (isConfirmed: boolean) => {
    const [client, agent] = joinedCarriers(RESUME_NEW);
    const stream = sessions.open(agent, { identity: "" });
    if (isConfirmed) stream.confirm();
    client.cut();
    return stream.read().catch((error) => error);
  };
  const longest = hold(true);
  await until(() => sessions.heldCount === 1);
  const strangers = [hold(false), hold(false), hold(false)];
  failsWith("tunnel_closed", "Too many sessions waited for their clients")(await strangers[0]);
  failsWith("tunnel_closed", "Too many sessions waited for their clients")(await strangers[1]);
  assert.equal(await Promise.race([longest, Promise.resolve("waits")]), "waits");
  assert.equal(sessions.count, 2);
});

Deno.test("an agent holds a session whose client says that it was replaced, for no longer than any other", async () => {
  await using sessions = new ResumeSessions({ holdMs: 50 });
  const [client, agent] = joinedCarriers(RESUME_NEW);
  using stream = sessions.open(agent, { identity: "" });
  await client.write(encodeClose(CLOSE.replaced));
  await until(() => sessions.heldCount === 1);
  await assert.rejects(stream.read(), failsWith("tunnel_closed", "The client did not come back within 50ms"));
  assert.equal(sessions.count, 0);
});

Deno.test("a session whose client has come back is no longer one that was never heard of", () => {
  using session = new ResumableSession();
  const [, agent] = joinedCarriers(RESUME_NEW);
  session.attach(agent, { peerReceived: 0 });
  assert.equal(session.hasHeard, false);
  const [, again] = joinedCarriers(RESUME_AGAIN);
  session.attach(again, { peerReceived: 0, reader: new FrameReader() });
  assert.equal(session.hasHeard, true);
});

Deno.test("an agent that leaves waits until its clients were told", async () => {
  const sessions = new ResumeSessions();
  const [, agent] = joinedCarriers(RESUME_NEW);
  const closed = Promise.withResolvers<void>();
  let isTold = false;
  agent.close = async () => {
    await closed.promise;
    isTold = true;
  };
  sessions.open(agent, { identity: "" });
  setTimeout(closed.resolve, 20);
  await sessions[Symbol.asyncDispose]();
  assert.equal(isTold, true);
});

Deno.test("an agent that may hold nothing ends a session with its connection", async () => {
  await using sessions = new ResumeSessions({ maxHeld: 0 });
  const [client, agent] = joinedCarriers(RESUME_NEW);
  const stream = sessions.open(agent, { identity: "" });
  await client.write(pattern(0));
  client.cut();
  assert.equal(await stream.read(), null);
  assert.equal(sessions.count, 0);
});

Deno.test("an agent holds no session that ends as its connection is lost", async () => {
  for (let turns = 0; turns < 20; turns++) {
    await using sessions = new ResumeSessions();
    const [client, agent] = joinedCarriers(RESUME_NEW);
    const stream = sessions.open(agent, { identity: "" });
    await client.write(pattern(1));
    client.cut();
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    stream[Symbol.dispose]();
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(sessions.heldCount, 0, `${turns} turns behind the cut`);
  }
});

Deno.test("a client that leaves ends its session at the agent at once", async () => {
  await using sessions = new ResumeSessions();
  let far: ByteStream | undefined;
  const { dial } = dialerTo(sessions, { onNew: (stream) => far = stream });
  const stream = await dialResumable(dial);
  await stream.write(pattern(1));
  assert.ok(far);
  assert.equal((await far.read())?.length, 1);
  stream[Symbol.dispose]();
  assert.equal(await far.read(), null);
  assert.equal(sessions.count, 0);
});

Deno.test("an agent that leaves ends the streams of its clients", async () => {
  const sessions = new ResumeSessions();
  const { dial } = dialerTo(sessions, { onNew: (stream) => void stream.write(pattern(1)) });
  const stream = await dialResumable(dial);
  assert.equal((await stream.read())?.length, 1);
  await sessions[Symbol.asyncDispose]();
  assert.equal(await stream.read(), null);
  await assert.rejects(stream.write(pattern(1)), failsWith("tunnel_closed", /session that is closed/));
  stream[Symbol.dispose]();
});

Deno.test("a writer without a connection waits at 8 MiB, and goes on when it is back", async () => {
  await using sessions = new ResumeSessions();
  let far: ByteStream | undefined;
  const isBack = Promise.withResolvers<void>();
  const { dial, carriers } = dialerTo(sessions, { onNew: (stream) => far = stream });
  using stream = await dialResumable(async (options) => {
    if (carriers.length > 0) await isBack.promise;
    return await dial(options);
  });
  assert.ok(far);
  await far.write(pattern(1));
  assert.equal((await stream.read())?.length, 1);
  carriers[0]?.cut();
  let written = 0;
  const piece = pattern(65_536);
  const writing = (async () => {
    for (let i = 0; i < 200; i++) {
      await stream.write(piece);
      written += piece.length;
    }
    await stream.closeWrite();
  })();
  await until(() => written > 7 * 2 ** 20);
  await standsStill(() => written);
  assert.ok(written <= 8 * 2 ** 20, `${written} bytes`);
  isBack.resolve();
  assert.equal((await readAll(far)).length, 200 * 65_536);
  await writing;
});

Deno.test("a writer waits for a reader, with no more under way than keeps a connection busy", async () => {
  await using sessions = new ResumeSessions();
  const { dial } = dialerTo(sessions, { onNew: () => {} });
  const stream = await dialResumable(dial);
  let written = 0;
  const writing = (async () => {
    for (;; written += 65_536) await stream.write(pattern(65_536));
  })().catch(() => {/* ended with the session */});
  await until(() => written > 0);
  await standsStill(() => written);
  assert.ok(written < 2 ** 20, `${written} bytes`);
  stream[Symbol.dispose]();
  await writing;
});

Deno.test("a direction that nobody reads does not stop the other one", async () => {
  await using sessions = new ResumeSessions();
  let far: ByteStream | undefined;
  const { dial } = dialerTo(sessions, { onNew: (stream) => far = stream });
  using stream = await dialResumable(dial);
  assert.ok(far);
  const there = far;
  // The client reads once and never again, the agent goes on sending as long as it can.
  const flooding = (async () => {
    for (;;) await there.write(pattern(65_536));
  })().catch(() => {/* ended with the session */});
  assert.ok((await stream.read())?.length);
  const size = 20 * 2 ** 20;
  const receiving = readAll(there, size);
  for (let sent = 0; sent < size; sent += 65_536) await stream.write(pattern(65_536));
  assert.equal((await receiving).length, size);
  stream[Symbol.dispose]();
  await flooding;
});

const BREACHES: [name: string, bytes: Uint8Array][] = [
  ["bytes after a gap", new Uint8Array([3, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1])],
  ["an acknowledgement of more than was sent", new Uint8Array([4, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0])],
  ["a RESUME in the middle", encodeResume({ id: pattern(32), received: 0 })],
  ["an unknown frame", new Uint8Array([77, 0, 0, 0])],
  ["an end after a gap", new Uint8Array([5, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0])],
];
for (const [name, bytes] of BREACHES) {
  Deno.test(`an agent ends the session of a client that sends ${name}, and no other`, async () => {
    await using sessions = new ResumeSessions();
    const other = dialerTo(sessions, {
      onNew: (stream) => void copyBytes(stream, stream).catch(() => {/* ended with the test */}),
    });
    using good = await dialResumable(other.dial);
    const [client, agent] = joinedCarriers(RESUME_NEW);
    const stream = sessions.open(agent, { identity: "" });
    await client.write(bytes);
    await assert.rejects(readAll(stream), failsWith("protocol", /broke the resume protocol/));
    const answer = await readAll(client);
    assert.deepEqual(answer.slice(-5), encodeClose(CLOSE.protocol));
    assert.equal(sessions.count, 1);
    await good.write(pattern(5));
    assert.equal((await readAll(good, 5)).length, 5);
  });
}

Deno.test("an agent answers an id that it does not know, a wrong proof and garbage without holding anything", async () => {
  await using sessions = new ResumeSessions();
  for (
    const bytes of [encodeResume({ id: pattern(32), received: 0 }), new Uint8Array([9, 9, 9, 9]), new Uint8Array(0)]
  ) {
    const [client, agent] = joinedCarriers(RESUME_AGAIN);
    const resuming = sessions.resume(agent, { identity: "" });
    if (bytes.length) await client.write(bytes);
    else await client.closeWrite();
    const answer = await readAll(client);
    await resuming;
    assert.deepEqual([...answer], bytes[0] === 2 ? [...encodeClose(CLOSE.unknown)] : []);
  }
  assert.equal(sessions.count, 0);
});

/** Waits until `count` does not change any more: for the time of many thousand turns. */
async function standsStill(count: () => number): Promise<void> {
  for (let last = -1; count() !== last;) {
    last = count();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
