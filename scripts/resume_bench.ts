/**
 * What the resume protocol costs: bytes through a WebSocket on loopback, with the protocol and without, both ends in this
 * process and nothing else; medians of interleaved rounds. `deno run -A scripts/resume_bench.ts [--rounds 5] [--mib 256]`.
 */
import { parseArgs } from "node:util";
import type { ByteStream } from "../src/stream/byte_stream.ts";
import { BufferedSource } from "../src/stream/buffered_source.ts";
import { readHttpHead } from "../src/stream/http_head.ts";
import type { ResumeDialer } from "../src/stream/resume/carrier.ts";
import { dialResumable } from "../src/stream/resume/dial.ts";
import { RESUME_NEW } from "../src/stream/resume/protocol.ts";
import { ResumeSessions } from "../src/stream/resume/server.ts";
import { dialWebSocket } from "../src/stream/websocket_client.ts";
import { acceptWebSocket } from "../src/stream/websocket_server.ts";

type Ends = readonly [client: ByteStream, agent: ByteStream];

/** A WebSocket on loopback, whose server chooses the protocol if it is offered. */
async function connect(isResumable: boolean, sessions: ResumeSessions): Promise<Ends> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    const conn = await listener.accept();
    conn.setNoDelay(true);
    const source = new BufferedSource(conn);
    const head = await readHttpHead(source);
    if (!head) throw new Error("no request came");
    const stream = await acceptWebSocket(conn, head, { buffered: source.buffered.slice(), protocols: [RESUME_NEW] });
    return isResumable ? sessions.open(stream, { identity: "" }) : stream;
  })();
  const dial: ResumeDialer = ({ protocols }) =>
    dialWebSocket({ url: `ws://127.0.0.1:${listener.addr.port}/`, protocols: isResumable ? protocols : [] });
  const client = isResumable ? await dialResumable(dial) : await dial({ protocols: [] });
  return [client, await accepting];
}

/** MiB/s from `from` to `to`. */
async function throughput(from: ByteStream, { to, bytes }: { to: ByteStream; bytes: number }): Promise<number> {
  const piece = new Uint8Array(65_536).fill(7);
  const startedAt = performance.now();
  const sending = (async () => {
    for (let sent = 0; sent < bytes; sent += piece.length) await from.write(piece);
  })();
  for (let received = 0; received < bytes;) received += (await to.read())?.length ?? bytes;
  await sending;
  return bytes / 2 ** 20 / ((performance.now() - startedAt) / 1000);
}

/** Microseconds for one byte there and one back. */
async function roundTrip([client, agent]: Ends, count = 2000): Promise<number> {
  const echoing = (async () => {
    for (let i = 0; i < count; i++) {
      await agent.read();
      await agent.write(new Uint8Array(1));
    }
  })();
  const startedAt = performance.now();
  for (let i = 0; i < count; i++) {
    await client.write(new Uint8Array(1));
    await client.read();
  }
  await echoing;
  return (performance.now() - startedAt) * 1000 / count;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, mib: { type: "string", default: "256" } },
});
const bytes = Number(values.mib) * 2 ** 20;
const rows = { up: [[], []], down: [[], []], "round trip": [[], []] } as Record<string, [number[], number[]]>;
await using sessions = new ResumeSessions();
for (let round = 0; round <= Number(values.rounds); round++) {
  for (const isResumable of round % 2 ? [false, true] : [true, false]) {
    const ends = await connect(isResumable, sessions);
    const [client, agent] = ends;
    const measured = {
      up: await throughput(client, { to: agent, bytes }),
      down: await throughput(agent, { to: client, bytes }),
      "round trip": await roundTrip(ends),
    };
    client[Symbol.dispose]();
    agent[Symbol.dispose]();
    // The first round warms up.
    if (round > 0) {
      for (const [name, value] of Object.entries(measured)) rows[name]?.[Number(isResumable)]?.push(value);
    }
  }
}
for (const [name, [plain, resumable]] of Object.entries(rows)) {
  const [a, b] = [median(plain), median(resumable)];
  const unit = name === "round trip" ? "µs" : "MiB/s";
  const line = `${name.padEnd(11)} plain ${a.toFixed(0).padStart(5)} ${unit}, resumable ${
    b.toFixed(0).padStart(5)
  } ${unit}`;
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}, ratio ${(b / a).toFixed(2)}\n`));
}
