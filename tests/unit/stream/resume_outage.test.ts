import assert from "node:assert/strict";
import { AppError } from "../../../src/base/errors.ts";
import type { ByteStream } from "../../../src/stream/byte_stream.ts";
import { dialResumable } from "../../../src/stream/resume/dial.ts";
import { CLOSE, encodeWelcome, RESUME_AGAIN } from "../../../src/stream/resume/protocol.ts";
import { ResumeSessions } from "../../../src/stream/resume/server.ts";
import { dialerTo, joinedCarriers } from "../../support/resume_carriers.ts";
import { failsWith, until } from "../../support/websocket_end.ts";
import { pattern, readAll } from "../../support/websocket_transport.ts";

Deno.test("a client learns at once that the agent does not know its session", async () => {
  await using sessions = new ResumeSessions();
  await using others = new ResumeSessions();
  const first = dialerTo(sessions, { plan: () => ({ down: 60 }), onNew: (stream) => void stream.write(pattern(50)) });
  const second = dialerTo(others, { onNew: () => assert.fail("it must not begin anew") });
  let dials = 0;
  const stream = await dialResumable((options) => dials++ === 0 ? first.dial(options) : second.dial(options));
  await assert.rejects(readAll(stream), (error) => {
    failsWith("tunnel_closed", "The session is gone: the agent does not know it any more")(error);
    return error instanceof AppError && error.details?.sessionClose === CLOSE.unknown;
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

Deno.test("a run that has ended ends the way back at once", async () => {
  await using sessions = new ResumeSessions();
  const { dial } = dialerTo(sessions, {
    plan: () => ({ down: 60 }),
    onNew: (stream) => void stream.write(pattern(50)),
  });
  let dials = 0;
  const stream = await dialResumable((options) => {
    if (dials++ === 0) return dial(options);
    return Promise.reject(new AppError("run_ended", "The run has ended"));
  });
  await assert.rejects(
    readAll(stream),
    failsWith("run_ended", "The session was lost: it cannot be reached any more: The run has ended"),
  );
  assert.equal(dials, 2);
  stream[Symbol.dispose]();
});

Deno.test("a credential that ran out is told of once, and the session is back with a fresh one", async () => {
  await using sessions = new ResumeSessions();
  const { dial } = dialerTo(sessions, {
    plan: (index) => index === 0 ? { down: 60 } : {},
    onNew: (stream) => void stream.write(pattern(50)),
  });
  const told: string[] = [];
  let dials = 0;
  using stream = await dialResumable((options) => {
    const failures = [undefined, "unsafe_file", "auth_denied"] as const;
    const code = failures[dials++];
    return code ? Promise.reject(new AppError(code, code)) : dial(options);
  }, {
    onHeld: () => told.push("held"),
    onStuck: ({ message }) => told.push(message),
    onBack: () => told.push("back"),
  });
  await stream.write(pattern(1));
  assert.deepEqual(await readAll(stream, 50), pattern(50));
  assert.deepEqual(told, ["held", "unsafe_file", "back"]);
});

Deno.test("a client comes back when a try of its own that it had given up arrives late and takes the session over", async () => {
  await using sessions = new ResumeSessions();
  let far: ByteStream | undefined;
  const { dial, carriers } = dialerTo(sessions, { onNew: (stream) => far = stream });
  let resume: Uint8Array | undefined;
  using stream = await dialResumable(async (options) => {
    const carrier = await dial(options);
    const write = carrier.write.bind(carrier);
    if (options.protocols[0] === RESUME_AGAIN) carrier.write = (bytes) => write(resume ??= bytes.slice());
    return carrier;
  });
  assert.ok(far);
  await far.write(pattern(1));
  assert.equal((await stream.read())?.length, 1);
  carriers[0]?.cut();
  await far.write(pattern(1));
  assert.equal((await stream.read())?.length, 1);
  assert.ok(resume);
  const [late, agent] = joinedCarriers(RESUME_AGAIN);
  await late.write(resume);
  await sessions.resume(agent, { identity: "" });
  late.cut();
  await far.write(pattern(9));
  assert.deepEqual(await stream.read(), pattern(9));
});

Deno.test("a hand-over to an agent that does not know the session leaves the connection that works alone", async () => {
  await using sessions = new ResumeSessions();
  await using others = new ResumeSessions();
  let far: ByteStream | undefined;
  const { dial, carriers } = dialerTo(sessions, { onNew: (stream) => far = stream });
  const other = dialerTo(others, { onNew: () => assert.fail("it must not begin anew") });
  let dials = 0;
  using stream = await dialResumable((options) => dials++ === 0 ? dial(options) : other.dial(options), {
    maxConnectionAgeMs: 20,
  });
  assert.ok(far);
  await far.write(pattern(1));
  assert.equal((await stream.read())?.length, 1);
  await until(() => dials > 2);
  await far.write(pattern(1));
  assert.equal((await stream.read())?.length, 1);
  carriers[0]?.cut();
  await assert.rejects(stream.read(), failsWith("tunnel_closed", /does not know it any more/));
});

Deno.test("connections that end as soon as they are there are not made as fast as they can be", async () => {
  await using sessions = new ResumeSessions();
  const { dial, carriers } = dialerTo(sessions, { onNew: (stream) => void stream.write(pattern(1)) });
  let dials = 0;
  using stream = await dialResumable(async (options) => {
    const carrier = await dial(options);
    if (dials++ > 0) setTimeout(() => carrier.cut(), 5);
    return carrier;
  });
  assert.equal((await stream.read())?.length, 1);
  carriers[0]?.cut();
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(dials <= 4, `${dials} dials`);
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

/** What a dial that fails says of the place where it was refused. */
const REFUSED = { reason: "refused", hostname: "127.0.0.1", port: 1 };

for (
  const [where, details, forMs] of [
    ["a port of this machine", REFUSED, 200],
    ["a port of another machine", { ...REFUSED, hostname: "203.0.113.1" }, 700],
    ["the proxy of this machine", { ...REFUSED, proxy: "127.0.0.1:1" }, 700],
  ] as const
) {
  Deno.test(`a client that ${where} refuses gives up after ${forMs}ms of 200 for nobody here and 700 at all`, async () => {
    await using sessions = new ResumeSessions();
    const { dial } = dialerTo(sessions, {
      plan: () => ({ down: 60 }),
      onNew: (stream) => void stream.write(pattern(50)),
    });
    let dials = 0;
    const stream = await dialResumable((options) => {
      if (dials++ === 0) return dial(options);
      return Promise.reject(new AppError("dial_failed", "connection refused", { details }));
    }, { resumeForMs: 700, nobodyHereMs: 200 });
    const message = `The session was lost: no way back was found for ${forMs}ms: connection refused`;
    await assert.rejects(readAll(stream), failsWith("tunnel_closed", message));
    stream[Symbol.dispose]();
  });
}

Deno.test("a client waits on for a port of this machine that now and then has somebody behind it", async () => {
  await using sessions = new ResumeSessions();
  const { dial } = dialerTo(sessions, {
    plan: (index) => index === 0 ? { down: 60 } : {},
    onNew: (stream) => void stream.write(pattern(50)),
  });
  let dials = 0;
  using stream = await dialResumable((options) => {
    if (dials++ === 0) return dial(options);
    if (dials > 4) return dial(options);
    const details = dials === 3 ? {} : REFUSED;
    return Promise.reject(new AppError("dial_failed", "502", { details }));
  }, { nobodyHereMs: 1000 });
  assert.equal((await stream.read())?.length, 50);
});

Deno.test("a client takes no other session for its own", async () => {
  await using sessions = new ResumeSessions();
  const { dial, carriers } = dialerTo(sessions, { onNew: (stream) => void stream.write(pattern(1)) });
  let dials = 0;
  using stream = await dialResumable(async (options) => {
    if (++dials !== 2) return await dial(options);
    const [client, agent] = joinedCarriers(RESUME_AGAIN);
    await agent.write(encodeWelcome({ id: pattern(32), received: 0, holdSeconds: 900 }));
    return client;
  });
  assert.equal((await stream.read())?.length, 1);
  carriers[0]?.cut();
  await until(() => dials === 3);
  assert.equal(sessions.count, 1);
});

Deno.test("a client gives up on an agent that ends every connection without a WELCOME", async () => {
  let dials = 0;
  using stream = await dialResumable(({ protocols: [protocol = ""] }) => {
    dials++;
    const [client, agent] = joinedCarriers(protocol);
    setTimeout(() => agent.cut(), 5);
    return Promise.resolve(client);
  });
  await assert.rejects(stream.read(), failsWith("tunnel_closed", "The connection ended before the agent's answer"));
  assert.ok(dials >= 2 && dials < 20, `${dials} dials`);
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
