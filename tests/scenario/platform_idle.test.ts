import assert from "node:assert/strict";
import { join } from "node:path";
import { ensureKeypair } from "../../src/ssh/keys/ensure_keypair.ts";
import { dialWebSocket } from "../../src/stream/websocket_client.ts";
import { WebSocketStream } from "../../src/stream/websocket_stream.ts";
import { FakeTimers } from "../support/fake_timers.ts";
import { makeUnionFixture } from "../support/union_client.ts";
import { HAS_INGRESS, startIngress, startPod } from "../support/union_ingress.ts";
import { FakeTransport, rawFrame } from "../support/websocket_transport.ts";

const HOUR_MS = 3_600_000;
/** What nginx and most load balancers allow a silent connection. */
const IDLE_CLOCK_MS = 60_000;

Deno.test("an idle hour has something on the wire in both directions well within every 60 s", async () => {
  using timers = new FakeTimers();
  const transport = new FakeTransport();
  const times: number[] = [0];
  const write = transport.write.bind(transport);
  transport.write = (bytes) => {
    times.push(timers.nowMs);
    // A pod answers each ping; nothing else ever comes from it.
    transport.push(rawFrame({ opcode: 0xA }));
    return write(bytes);
  };
  using stream = new WebSocketStream(transport, { role: "client" });
  const reading = stream.read();
  await timers.advance(HOUR_MS);
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  assert.ok(times.length > HOUR_MS / IDLE_CLOCK_MS, `${times.length} pings in an hour`);
  // Even with one of them lost.
  assert.ok(Math.max(...gaps) * 2 < IDLE_CLOCK_MS, `${Math.max(...gaps)} ms between two`);
  transport.push(rawFrame({ payload: "still there" }));
  assert.equal(new TextDecoder().decode(await reading ?? undefined), "still there");
});

Deno.test({
  name:
    "nginx keeps an idle session to a pod as long as pings go by, and ends one without (needs nginx, python3-asyncssh)",
  ignore: !HAS_INGRESS,
  async fn() {
    await using fixture = await makeUnionFixture({ now: Date.now, headerKey: "flyte-authorization" });
    const { home: { path }, server } = fixture;
    const { privateKeyPath } = await ensureKeypair({ path: join(path, "id_ed25519") });
    await using pod = await startPod(`${privateKeyPath}.pub`);
    const idleSeconds = 2;
    await using ingress = await startIngress(path, { podPort: pod.port, controlPlane: server.endpoint, idleSeconds });
    const { access_token: token } = server.oauth.issueToken();
    const dial = async (pingIntervalMs: number) => {
      const stream = await dialWebSocket({
        url: `ws://127.0.0.1:${ingress.port}/dataplane/pod/v1/x/6060/task/`,
        headers: [["flyte-authorization", `Bearer ${token}`]],
        pingIntervalMs,
      });
      assert.match(new TextDecoder().decode(await stream.read() ?? undefined), /^SSH-2\.0-/);
      return stream;
    };
    using alive = await dial(200);
    const startedAt = performance.now();
    using silent = await dial(0);
    assert.equal(await silent.read(), null);
    const lastedMs = performance.now() - startedAt;
    assert.ok(lastedMs > idleSeconds * 900, `nginx ended it after ${lastedMs} ms`);
    // nginx's own clock tells the time: for as long again, another one that says nothing.
    using again = await dial(0);
    assert.equal(await again.read(), null);
    await alive.write(new TextEncoder().encode("SSH-2.0-idle_for_a_while\r\n"));
    assert.match(new TextDecoder("latin1").decode(await alive.read() ?? undefined), /ssh-ed25519/);
  },
});
