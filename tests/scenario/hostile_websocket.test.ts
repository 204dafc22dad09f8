import assert from "node:assert/strict";
import { encodeFrame, OPCODE, writeFrameHeader } from "../../src/stream/websocket_frame.ts";
import { encodeAck, encodeResume, FRAME, RESUME_AGAIN, RESUME_NEW } from "../../src/stream/resume/protocol.ts";
import { type HostileStage, startHostileStage } from "../support/hostile_stage.ts";
import { hasProgram } from "../support/programs.ts";
import { joined, RawPeer } from "../support/raw_ssh.ts";

const MASK = 0x01020304;
const MIB = 1024 * 1024;

/** A connection that has been upgraded. */
async function upgraded(port: number, protocol?: string): Promise<RawPeer> {
  const peer = await RawPeer.open(port, { greeting: false });
  const offer = protocol === undefined ? "" : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  await peer.send(
    `GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n${offer}\r\n`,
  );
  return peer;
}

function frame(opcode: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
  return joined(encodeFrame(opcode, payload, MASK));
}

function header(opcode: number, length: number): Uint8Array {
  const bytes = new Uint8Array(14);
  return bytes.subarray(0, writeFrameHeader(bytes, 0, { opcode, length, mask: MASK }));
}

/** `bytes` again and again until the far side closes or `total` bytes have left; how many that were. */
async function flood(peer: RawPeer, bytes: Uint8Array, total: number): Promise<number> {
  const block = new Uint8Array(Math.max(1, Math.floor(65_536 / bytes.length)) * bytes.length);
  for (let at = 0; at < block.length; at += bytes.length) block.set(bytes, at);
  let sent = 0;
  try {
    for (; sent < total; sent += block.length) await peer.send(block);
  } catch {
    // It was closed: the end that is looked for.
  }
  return sent;
}

/** What breaks the WebSocket or what runs over it, and is closed for it. */
const CLOSED_AT_ONCE: Readonly<Record<string, (port: number) => Promise<RawPeer>>> = {
  "a frame of 2^63 bytes": async (port) => {
    const peer = await upgraded(port);
    await peer.send(joined(0x82, 0xff, new Uint8Array([0x7f]), new Uint8Array(7).fill(255), new Uint8Array(4)));
    return peer;
  },
  "a frame of more than 64 MiB": async (port) => {
    const peer = await upgraded(port);
    await peer.send(header(OPCODE.binary, 64 * MIB + 1));
    return peer;
  },
  "a control frame of 126 bytes": async (port) => {
    const peer = await upgraded(port);
    await peer.send(header(OPCODE.ping, 126));
    return peer;
  },
  "an opcode that there is not": async (port) => {
    const peer = await upgraded(port);
    await peer.send(frame(3));
    return peer;
  },
  "text in place of SSH": async (port) => {
    const peer = await upgraded(port);
    await peer.send(frame(OPCODE.text, new TextEncoder().encode("hello, is anybody there?\n")));
    return peer;
  },
  "garbage in a frame": async (port) => {
    const peer = await upgraded(port);
    await peer.send(joined(encodeFrame(OPCODE.binary, crypto.getRandomValues(new Uint8Array(60_000)), MASK)));
    return peer;
  },
  "garbage where frames should be": async (port) => {
    const peer = await upgraded(port);
    await peer.send(new Uint8Array(4096).fill(0xff));
    return peer;
  },
  "a resume frame that there is not": async (port) => {
    const peer = await upgraded(port, RESUME_NEW);
    await peer.send(frame(OPCODE.binary, new Uint8Array([99, 0, 0, 0])));
    return peer;
  },
  "an acknowledgement of what was never sent": async (port) => {
    const peer = await upgraded(port, RESUME_NEW);
    await peer.send(frame(OPCODE.binary, encodeAck(2 ** 40)));
    return peer;
  },
  "data after a gap": async (port) => {
    const peer = await upgraded(port, RESUME_NEW);
    const body = joined(FRAME.data, new Uint8Array([0, 0, 17]), new Uint8Array(7), 9, new Uint8Array(8), 65);
    await peer.send(frame(OPCODE.binary, body));
    return peer;
  },
  "a session that there is not": async (port) => {
    const peer = await upgraded(port, RESUME_AGAIN);
    await peer.send(frame(OPCODE.binary, encodeResume({ id: new Uint8Array(32), received: 0 })));
    return peer;
  },
  "HTTP/2": async (port) => {
    const peer = await RawPeer.open(port, { greeting: false });
    await peer.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    return peer;
  },
  "TLS": async (port) => {
    const peer = await RawPeer.open(port, { greeting: false });
    await peer.send(joined(22, 3, 1, 2, 0, new Uint8Array(70_000)));
    return peer;
  },
  "a head without end": async (port) => {
    const peer = await RawPeer.open(port, { greeting: false });
    await flood(peer, new TextEncoder().encode("X-Y: z\r\n"), 4 * MIB);
    return peer;
  },
};

async function assertServes(stage: HostileStage): Promise<void> {
  const { code, stdout, stderr } = await stage.exec("echo served");
  assert.deepEqual([code, stdout], [0, "served\n"], stderr);
}

Deno.test({
  name: "whatever breaks HTTP, the WebSocket or the resume protocol is closed within seconds (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: async (t) => {
    await using stage = await startHostileStage({ flags: ["--login-timeout", "3s"] });
    await assertServes(stage);
    const before = stage.openFiles();
    for (const [what, attack] of Object.entries(CLOSED_AT_ONCE)) {
      await t.step(what, async () => {
        using peer = await attack(stage.port);
        await peer.rest(30_000);
      });
    }
    await assertServes(stage);
    assert.ok(stage.openFiles() <= before + 2, `${stage.openFiles()} files open: ${before} before`);
    assert.ok(stage.rssMiB() < 250, `${stage.rssMiB()} MiB`);
  },
});

Deno.test({
  name: "others are served in the middle of a flood of acknowledgements (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: async () => {
    await using stage = await startHostileStage();
    await assertServes(stage);
    const acks = frame(OPCODE.binary, joined(...Array.from({ length: 5000 }, () => encodeAck(0))));
    let isFlooding = true;
    using peer = await upgraded(stage.port, RESUME_NEW);
    const flooding = flood(peer, acks, 512 * MIB).finally(() => isFlooding = false);
    await assertServes(stage);
    assert.ok(isFlooding, "they had to wait for its end");
    peer[Symbol.dispose]();
    await flooding;
  },
});

Deno.test({
  name: "floods of empty frames, pings and data take no memory, and others are served meanwhile (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: async (t) => {
    await using stage = await startHostileStage({ flags: ["--login-timeout", "4s"] });
    await assertServes(stage);
    const calm = stage.rssMiB();
    const attacks: Readonly<Record<string, Uint8Array>> = {
      "empty continuations": frame(OPCODE.continuation),
      "pings of 125 bytes, whose pongs nobody reads": frame(OPCODE.ping, new Uint8Array(125)),
      "pongs": frame(OPCODE.pong),
      "single bytes without a line's end": frame(OPCODE.binary, new Uint8Array([83])),
    };
    for (const [what, bytes] of Object.entries(attacks)) {
      await t.step(what, async () => {
        using peer = await upgraded(stage.port);
        const flooding = flood(peer, bytes, 64 * MIB);
        await assertServes(stage);
        await flooding;
        assert.ok(stage.rssMiB() < calm + 120, `${stage.rssMiB()} MiB, ${calm} before`);
        await peer.rest(30_000);
      });
    }
  },
});

Deno.test({
  name: "ten thousand connections that never speak keep nobody out (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: async () => {
    await using stage = await startHostileStage();
    await assertServes(stage);
    const calm = { files: stage.openFiles(), mib: stage.rssMiB() };
    const open = new Set<Deno.TcpConn>();
    let isOver = false;
    let served = 0;
    const others = (async () => {
      for (; !isOver; served++) await assertServes(stage);
    })();
    let mostFiles = 0;
    const startedAt = performance.now();
    for (let i = 0; i < 10_000; i++) {
      open.add(await Deno.connect({ port: stage.port }));
      if (i % 500 === 0) mostFiles = Math.max(mostFiles, stage.openFiles());
    }
    const tookMs = performance.now() - startedAt;
    isOver = true;
    await others;
    for (const conn of open) conn.close();
    assert.ok(served >= 3, `${served} commands in ${tookMs} ms`);
    assert.ok(mostFiles < calm.files + 250, `${mostFiles} files open: ${calm.files} before`);
    assert.ok(stage.rssMiB() < calm.mib + 120, `${stage.rssMiB()} MiB: ${calm.mib} before`);
    assert.match(stage.stderr(), /100 connections have not logged in: .*\(--max-unauthenticated\)/);
    // One line, and not ten thousand.
    assert.ok(stage.stderr().length < 10_000, stage.stderr().slice(0, 1000));
  },
});

Deno.test({
  name: "an agent that may open no more files makes room and goes on (needs ssh, prlimit)",
  ignore: !hasProgram("ssh") || !hasProgram("prlimit"),
  fn: async () => {
    await using stage = await startHostileStage({ flags: ["--max-unauthenticated", "1000"], maxFiles: 96 });
    await assertServes(stage);
    const open: Deno.TcpConn[] = [];
    for (let i = 0; i < 400; i++) open.push(await Deno.connect({ port: stage.port }));
    await assertServes(stage);
    for (const conn of open) conn.close();
    await assertServes(stage);
  },
});

Deno.test({
  name: "requests and log-ins that drip in are cut off in time (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: async () => {
    await using stage = await startHostileStage({ flags: ["--login-timeout", "2s"] });
    const drip = async (peer: RawPeer, text: string) => {
      const startedAt = performance.now();
      try {
        for (let at = 0;; at++) {
          await peer.send(text[at % text.length] ?? "");
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      } catch {
        // Closed at last.
      }
      return performance.now() - startedAt;
    };
    using head = await RawPeer.open(stage.port, { greeting: false });
    using greeting = await RawPeer.open(stage.port, { greeting: false });
    await greeting.send("SSH-");
    const [headMs, greetingMs] = await Promise.all([
      drip(head, "GET / HTTP/1.1\r\nX: y"),
      drip(greeting, "x"),
      assertServes(stage),
    ]);
    assert.ok(headMs > 9000 && headMs < 13_000, `${headMs} ms`);
    assert.ok(greetingMs > 1500 && greetingMs < 6000, `${greetingMs} ms`);
    assert.match(stage.stderr(), /no log-in within 2s \(--login-timeout\)/);
  },
});
