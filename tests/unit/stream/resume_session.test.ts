import assert from "node:assert/strict";
import { AppError } from "../../../src/base/errors.ts";
import type { ByteStream } from "../../../src/stream/byte_stream.ts";
import { copyBytes } from "../../../src/stream/pump.ts";
import { dialResumable, type DialResumableOptions } from "../../../src/stream/resume/client.ts";
import { CLOSE, encodeClose, encodeResume, RESUME_AGAIN, RESUME_NEW } from "../../../src/stream/resume/protocol.ts";
import { ResumeSessions } from "../../../src/stream/resume/server.ts";
import { type CutPlan, dialerTo, joinedCarriers } from "../../support/resume_carriers.ts";
import { failsWith, until } from "../../support/websocket_end.ts";
import { pattern, readAll } from "../../support/websocket_transport.ts";

/** Sends all back, then ends. */
async function echo(stream: ByteStream): Promise<void> {
  try {
    await copyBytes(stream, stream);
  } catch {
    // A session that the client never heard of is given up.
  } finally {
    stream[Symbol.dispose]();
  }
}

interface EchoOptions extends DialResumableOptions {
  readonly plan: (index: number) => CutPlan;
  readonly size?: number;
  /** Before its end is sent. */
  readonly beforeEnd?: () => Promise<void>;
}

/** What comes back of a pattern that is sent in pieces to an echo behind connections that are cut. */
async function echoed({ plan, size = 300, beforeEnd, ...options }: EchoOptions) {
  await using sessions = new ResumeSessions();
  const echoes: Promise<void>[] = [];
  const { dial, carriers } = dialerTo(sessions, { plan, onNew: (stream) => void echoes.push(echo(stream)) });
  using stream = await dialResumable(dial, options);
  const bytes = pattern(size);
  const receiving = readAll(stream);
  for (let at = 0; at < size; at += 100) await stream.write(bytes.subarray(at, at + 100));
  await beforeEnd?.();
  await stream.closeWrite();
  assert.deepEqual(await receiving, bytes);
  await Promise.all(echoes.slice(-1));
  return carriers.length;
}

Deno.test("a session brings every byte once, wherever its first connection is cut", async () => {
  const cases = Array.from({ length: 420 }, (_, at) => at);
  await Promise.all(cases.map((up) => echoed({ plan: (index) => index === 0 ? { up } : {} })));
  await Promise.all(cases.map((down) => echoed({ plan: (index) => index === 0 ? { down } : {} })));
});

Deno.test("a session brings every byte once when the way back is cut as well, in any state", async () => {
  const cases = Array.from({ length: 120 }, (_, at) => at);
  const plan = (second: CutPlan) => (index: number): CutPlan => index === 0 ? { down: 150 } : index === 1 ? second : {};
  await Promise.all(cases.flatMap((at) => [
    echoed({ plan: plan({ up: at }) }),
    echoed({ plan: plan({ down: at }) }),
  ]));
});

Deno.test("a session brings large pieces over connections that are cut again and again", async () => {
  const plan = (index: number): CutPlan =>
    index % 2 ? { up: 90_000 + index * 7919 } : { down: 70_000 + index * 104_729 };
  const count = await echoed({ plan, size: 3_000_000 });
  assert.ok(count > 5, `${count} connections`);
});

Deno.test("a planned hand-over loses nothing, and one that fails is tried again", async () => {
  const cases = Array.from({ length: 100 }, (_, at) => at);
  await Promise.all(cases.flatMap((at) =>
    [{ up: at }, { down: at }].map(async (second) => {
      let count = 0;
      const enough = Promise.withResolvers<void>();
      const plan = (index: number): CutPlan => {
        count = index + 1;
        if (count >= 3) enough.resolve();
        return index === 1 ? second : {};
      };
      await echoed({ plan, maxConnectionAgeMs: 30, beforeEnd: () => enough.promise });
      assert.ok(count >= 3);
    })
  ));
});

Deno.test("a hand-over that cannot be dialled leaves the connection that works alone", async () => {
  await using sessions = new ResumeSessions();
  const { dial } = dialerTo(sessions, { onNew: (stream) => void echo(stream) });
  let tries = 0;
  const stream = await dialResumable((options) => {
    if (++tries === 1) return dial(options);
    return Promise.reject(new AppError("auth_denied", "the token is too old"));
  }, { maxConnectionAgeMs: 5 });
  await until(() => tries > 1);
  await stream.write(pattern(5));
  assert.equal((await readAll(stream, 5)).length, 5);
  stream[Symbol.dispose]();
});

Deno.test("the end of a direction arrives once, after a cut as well", async () => {
  for (const down of [81, 100, 101, 102]) {
    await using sessions = new ResumeSessions();
    let far: ByteStream | undefined;
    const { dial } = dialerTo(sessions, {
      plan: (index) => index === 0 ? { down } : {},
      onNew: (stream) => far = stream,
    });
    using stream = await dialResumable(dial);
    await stream.write(pattern(10));
    await stream.closeWrite();
    assert.ok(far);
    assert.equal((await readAll(far)).length, 10);
    assert.equal(await far.read(), null);
    await far.write(pattern(20));
    await far.closeWrite();
    far[Symbol.dispose]();
    assert.deepEqual(await readAll(stream), pattern(20));
    assert.equal(await stream.read(), null);
  }
});

Deno.test("a far end that does not choose the subprotocol is a plain stream, dialled once", async () => {
  const [client, far] = joinedCarriers("");
  let dials = 0;
  const stream = await dialResumable(({ protocols }) => {
    dials++;
    assert.deepEqual(protocols, [RESUME_NEW]);
    return Promise.resolve(client);
  });
  assert.equal(stream, client);
  await stream.write(pattern(3));
  assert.deepEqual(await far.read(), pattern(3));
  client.cut();
  assert.equal(await stream.read(), null);
  assert.equal(dials, 1);
});

Deno.test("a client learns at once that the agent does not know its session", async () => {
  await using sessions = new ResumeSessions();
  await using others = new ResumeSessions();
  const first = dialerTo(sessions, { plan: () => ({ down: 60 }), onNew: (stream) => void stream.write(pattern(50)) });
  const second = dialerTo(others, { onNew: () => assert.fail("it must not begin anew") });
  let dials = 0;
  const stream = await dialResumable((options) => dials++ === 0 ? first.dial(options) : second.dial(options));
  await assert.rejects(readAll(stream), (error) => {
    failsWith("tunnel_closed", "The session is gone: the agent does not know it any more")(error);
    return error instanceof AppError && error.details?.closeCode === CLOSE.unknown;
  });
  assert.equal(dials, 2);
  stream[Symbol.dispose]();
});

Deno.test("a session is not given back to another identity, and lives on", async () => {
  await using sessions = new ResumeSessions();
  const { dial } = dialerTo(sessions, {
    plan: (index) => index === 0 ? { down: 60 } : {},
    identity: (index) => index === 0 ? "ann" : "bob",
    onNew: (stream) => void stream.write(pattern(50)),
  });
  const stream = await dialResumable(dial);
  await stream.write(pattern(1));
  await assert.rejects(readAll(stream), failsWith("auth_denied", /opened with another identity/));
  assert.equal(sessions.heldCount, 1);
  stream[Symbol.dispose]();
});

Deno.test("a refused credential ends the way back at once", async () => {
  await using sessions = new ResumeSessions();
  const { dial } = dialerTo(sessions, {
    plan: () => ({ down: 60 }),
    onNew: (stream) => void stream.write(pattern(50)),
  });
  let dials = 0;
  const stream = await dialResumable((options) => {
    if (dials++ === 0) return dial(options);
    return Promise.reject(new AppError("auth_denied", "HTTP 401", { hint: "Log in again" }));
  });
  await assert.rejects(
    readAll(stream),
    failsWith("auth_denied", "The session was lost: it cannot be reached any more: HTTP 401"),
  );
  assert.equal(dials, 2);
  stream[Symbol.dispose]();
});

Deno.test("a client gives up after its time, and tells once that the session is held", async () => {
  await using sessions = new ResumeSessions();
  const { dial } = dialerTo(sessions, {
    plan: () => ({ down: 60 }),
    onNew: (stream) => void stream.write(pattern(50)),
  });
  const held: string[] = [];
  let dials = 0;
  const stream = await dialResumable((options) => {
    if (dials++ === 0) return dial(options);
    return Promise.reject(new AppError("dial_failed", "connection refused"));
  }, { resumeForMs: 600, onHeld: ({ why }) => held.push(why), onBack: () => assert.fail("it was not back") });
  await assert.rejects(
    readAll(stream),
    failsWith("tunnel_closed", "The session was lost: no way back was found for 600ms: connection refused"),
  );
  assert.equal(held.length, 1);
  assert.ok(dials >= 3, `${dials} dials`);
  stream[Symbol.dispose]();
});

Deno.test("a client tells when its session is back", async () => {
  await using sessions = new ResumeSessions();
  const { dial } = dialerTo(sessions, {
    plan: (index) => index === 0 ? { down: 60 } : {},
    onNew: (stream) => void stream.write(pattern(50)),
  });
  const told: string[] = [];
  let dials = 0;
  const stream = await dialResumable((options) => {
    if (dials++ !== 1) return dial(options);
    return Promise.reject(new AppError("route_not_ready", "HTTP 502"));
  }, { onHeld: () => told.push("held"), onBack: () => told.push("back") });
  await stream.write(pattern(1));
  assert.deepEqual(await readAll(stream, 50), pattern(50));
  assert.deepEqual(told, ["held", "back"]);
  stream[Symbol.dispose]();
});

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

Deno.test("an agent that may hold nothing ends a session with its connection", async () => {
  await using sessions = new ResumeSessions({ maxHeld: 0 });
  const [client, agent] = joinedCarriers(RESUME_NEW);
  const stream = sessions.open(agent, { identity: "" });
  await client.write(pattern(0));
  client.cut();
  assert.equal(await stream.read(), null);
  assert.equal(sessions.count, 0);
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
  let last = -1;
  while (written !== last) {
    last = written;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(written > 7 * 2 ** 20 && written <= 8 * 2 ** 20, `${written} bytes`);
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
  for (let last = -1; written !== last;) {
    last = written;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
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
    const other = dialerTo(sessions, { onNew: (stream) => void echo(stream) });
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
