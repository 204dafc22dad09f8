import assert from "node:assert/strict";
import { AppError } from "../../../src/base/errors.ts";
import type { ByteStream } from "../../../src/stream/byte_stream.ts";
import { copyBytes } from "../../../src/stream/pump.ts";
import type { DialResumableOptions } from "../../../src/stream/resume/client.ts";
import { dialResumable } from "../../../src/stream/resume/dial.ts";
import { RESUME_NEW } from "../../../src/stream/resume/protocol.ts";
import { ResumeSessions } from "../../../src/stream/resume/server.ts";
import { type CutPlan, dialerTo, joinedCarriers } from "../../support/resume_carriers.ts";
import { until } from "../../support/websocket_end.ts";
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

Deno.test("a far end that refuses the subprotocol is dialled again without it", async () => {
  const [client] = joinedCarriers("");
  const offered: (readonly string[])[] = [];
  const stream = await dialResumable(({ protocols }) => {
    offered.push(protocols);
    const refused = new AppError("handshake_failed", "HTTP 400", { details: { status: 400 } });
    return protocols.length > 0 ? Promise.reject(refused) : Promise.resolve(client);
  });
  assert.equal(stream, client);
  assert.deepEqual(offered, [[RESUME_NEW], []]);
  client.cut();
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
