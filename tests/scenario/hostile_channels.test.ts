import assert from "node:assert/strict";
import { eventually } from "../support/agent_stage.ts";
import { type HostileStage, startHostileStage } from "../support/hostile_stage.ts";
import { hasProgram } from "../support/programs.ts";
import {
  channelRequest,
  EncryptedPeer,
  joined,
  MSG,
  openSession,
  plainPacket,
  RawPeer,
  string,
  uint32,
} from "../support/raw_ssh.ts";

const MIB = 1024 * 1024;

function needsSsh(name: string, fn: (stage: HostileStage) => Promise<void>, flags: readonly string[] = []): void {
  Deno.test({
    name: `${name} (needs ssh)`,
    ignore: !hasProgram("ssh"),
    async fn() {
      await using stage = await startHostileStage({ flags });
      await assertServes(stage);
      await fn(stage);
      await assertServes(stage);
    },
  });
}

async function assertServes(stage: HostileStage): Promise<void> {
  const { code, stdout, stderr } = await stage.exec("echo served");
  assert.deepEqual([code, stdout], [0, "served\n"], stderr);
}

/** Opens a session channel; the agent's number for it. */
async function openedSession(peer: EncryptedPeer, options: Parameters<typeof openSession>[1] = {}): Promise<number> {
  peer.send(openSession(0, options));
  const answer = await peer.receive(([type]) => type === MSG.channelOpenConfirmation);
  return new DataView(answer.buffer, answer.byteOffset).getUint32(5);
}

needsSsh("bytes beyond the window end the connection and are not kept", async (stage) => {
  using peer = await EncryptedPeer.open(stage.port, stage);
  const channel = await openedSession(peer);
  peer.send(channelRequest(channel, "exec", string("exec sleep 1000")));
  const calm = stage.rssMiB();
  const packet = joined(MSG.channelData, uint32(channel), string(new Uint8Array(30_000)));
  for (let sent = 0; sent < 64 * MIB; sent += 30_000) peer.send(packet);
  await assertServes(stage);
  await peer.closedWithin(10_000);
  assert.match(stage.stderr(), /sent more on a channel than it was allowed to/);
  assert.ok(stage.rssMiB() < calm + 100, `${stage.rssMiB()} MiB, ${calm} before`);
});

needsSsh("a window full of single bytes takes no more memory than its bytes", async (stage) => {
  using peer = await EncryptedPeer.open(stage.port, stage);
  const channel = await openedSession(peer);
  peer.send(channelRequest(channel, "exec", string("exec sleep 1000")));
  await peer.receive(([type]) => type === 99);
  const calm = stage.rssMiB();
  const packet = joined(MSG.channelData, uint32(channel), string("x"));
  for (let i = 0; i < 300_000; i++) {
    peer.send(packet);
    if (i % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await assertServes(stage);
  // Answered behind all that was sent.
  peer.send(joined(MSG.globalRequest, string("nothing@porthole"), 1));
  await peer.receive(([type]) => type === 82);
  assert.ok(stage.rssMiB() < calm + 80, `${stage.rssMiB()} MiB, ${calm} before`);
});

needsSsh("questions whose answers nobody reads are not answered for ever", async (stage) => {
  using peer = await EncryptedPeer.open(stage.port, stage);
  const calm = stage.rssMiB();
  peer.stopReading();
  const question = joined(MSG.channelOpen, string("no-such-type"), uint32(0), uint32(0), uint32(0));
  for (let i = 0; i < 1_000_000; i++) {
    peer.send(question);
    if (i % 2000 === 0) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      // What the agent does not take waits here.
      if (peer.unsentBytes > 16 * MIB) break;
    }
  }
  assert.ok(peer.unsentBytes > 8 * MIB, "the agent reads on whatever happens to its answers");
  await assertServes(stage);
  assert.ok(stage.rssMiB() < calm + 100, `${stage.rssMiB()} MiB, ${calm} before`);
});

needsSsh("output that nobody reads stays where it is made", async (stage) => {
  using peer = await EncryptedPeer.open(stage.port, stage);
  const channel = await openedSession(peer, { window: 0xffffffff });
  const calm = stage.rssMiB();
  peer.stopReading();
  peer.send(channelRequest(channel, "exec", string("exec cat /dev/zero")));
  for (let i = 0; i < 5; i++) await assertServes(stage);
  assert.ok(stage.rssMiB() < calm + 100, `${stage.rssMiB()} MiB, ${calm} before`);
});

needsSsh("a client that takes single bytes only holds nobody up", async (stage) => {
  const servedMs = async () => {
    const startedAt = performance.now();
    await assertServes(stage);
    return performance.now() - startedAt;
  };
  await assertServes(stage);
  const calmMs = await servedMs();
  using peer = await EncryptedPeer.open(stage.port, stage);
  for (const packetSize of [0, 1]) {
    const channel = await openedSession(peer, { window: 0xffffffff, packetSize });
    peer.send(channelRequest(channel, "exec", string("exec cat /dev/zero")));
    for (let i = 0; i < 3; i++) {
      const busyMs = await servedMs();
      // As the machine is loaded, so is either of the two.
      assert.ok(busyMs < 5000 + 20 * calmMs, `${busyMs} ms, ${calmMs} ms before`);
    }
  }
});

needsSsh(
  "channels without number are refused above the limit, and all are closed with the connection",
  async (stage) => {
    const before = stage.openFiles();
    const peer = await EncryptedPeer.open(stage.port, stage);
    for (let i = 0; i < 5000; i++) peer.send(openSession(i));
    await assertServes(stage);
    await peer.receive(([type, ...rest]) => type === MSG.channelOpenFailure && rest[2] === 0x13 && rest[3] === 0x87);
    const confirmed = peer.received.filter(([type]) => type === MSG.channelOpenConfirmation).length;
    assert.equal(confirmed, 300);
    assert.match(stage.stderr(), /300 channels are open on this connection already \(--max-channels\)/);
    peer[Symbol.dispose]();
    await peer.closed;
    await assertServes(stage);
    assert.ok(stage.openFiles() <= before + 3, `${stage.openFiles()} files open: ${before} before`);
  },
  ["--max-channels", "300"],
);

needsSsh("huge commands and environments are refused, or run, and harm nobody", async (stage) => {
  using peer = await EncryptedPeer.open(stage.port, stage);
  const long = "x".repeat(30_000);
  for (
    const [name, value] of [["LC_A", long], [long, "x"], ["LC_B=", "x"], ["LC_\0", "x"], ["LC_C", "a\0b"], ["", ""]]
  ) {
    const channel = await openedSession(peer);
    for (let i = 0; i < 300; i++) {
      peer.send(channelRequest(channel, "env", string(`${name}${i % 3 ? "" : i}`), string(value ?? "")));
    }
    peer.send(channelRequest(channel, "exec", string("echo out")));
    await peer.receive((payload) => payload[0] === 97);
  }
  for (const command of [`echo ${long} >/dev/null`, "\0", "echo a\0b", "\u0001\ud800", ""]) {
    const channel = await openedSession(peer);
    peer.send(channelRequest(channel, "exec", string(command)));
    await peer.receive((payload) => payload[0] === 97);
  }
});

needsSsh("requests in every wrong order end in a refusal or in the connection's end", async (stage) => {
  const attacks: ReadonlyArray<(peer: EncryptedPeer, channel: number) => void> = [
    (peer, channel) => peer.send(joined(MSG.channelData, uint32(channel), string("before anything runs"))),
    (peer) => peer.send(joined(MSG.channelData, uint32(0xffffffff), string("nowhere"))),
    (peer) => peer.send(joined(MSG.windowAdjust, uint32(0xffffffff), uint32(0xffffffff))),
    (peer, channel) => {
      for (let i = 0; i < 9; i++) peer.send(joined(MSG.windowAdjust, uint32(channel), uint32(0xffffffff)));
    },
    (peer, channel) => {
      for (const type of [96, 97, 97, 96]) peer.send(joined(type, uint32(channel)));
    },
    (peer, channel) => {
      for (const what of ["shell", "shell", "exec", "pty-req", "signal", "window-change", "subsystem", "x11-req"]) {
        peer.send(channelRequest(channel, what, string("x")));
      }
    },
    (peer, channel) => peer.send(channelRequest(channel, "pty-req", string("x"), new Uint8Array(16), string("\u0001"))),
    (peer, channel) => peer.send(joined(MSG.channelRequest, uint32(channel), uint32(0xffffffff))),
    (peer) => peer.send(joined(MSG.channelOpenConfirmation, uint32(0), uint32(0), uint32(0), uint32(0))),
    (peer) => peer.send(joined(MSG.channelOpenFailure, uint32(0), uint32(0), string(""), string(""))),
    (peer) => peer.send(joined(MSG.channelOpen, string("session"))),
    (peer) => peer.send(joined(MSG.channelOpen, uint32(0xffffffff))),
    (peer) =>
      peer.send(
        joined(
          MSG.channelOpen,
          string("direct-tcpip"),
          ...[0, 0, 0].map(uint32),
          string("h"),
          uint32(99_999),
          string("h"),
          uint32(1),
        ),
      ),
    (peer) => peer.send(joined(MSG.globalRequest, string("tcpip-forward"), 1, string("256.1.1.1"), uint32(70_000))),
    (peer) => peer.send(joined(MSG.globalRequest, string("streamlocal-forward@openssh.com"), 1, string("/no/such/\0"))),
    (peer) => peer.send(joined(MSG.globalRequest, string("cancel-tcpip-forward"), 1, string(""), uint32(1))),
    (peer) => peer.send(new Uint8Array([MSG.userauthSuccess])),
    (peer) => peer.send(new Uint8Array([MSG.kexInit])),
    (peer) => peer.send(new Uint8Array([])),
    (peer) => peer.send(new Uint8Array([255])),
  ];
  for (const attack of attacks) {
    const peer = await EncryptedPeer.open(stage.port, stage);
    const channel = await openedSession(peer);
    attack(peer, channel);
    peer.send(joined(MSG.globalRequest, string("nothing@porthole"), 1));
    await Promise.race([peer.closed, peer.receive(([type]) => type === 82).catch(() => {})]);
    peer[Symbol.dispose]();
    await peer.closed;
  }
});

needsSsh("half-open connections go when their time is over", async (stage) => {
  const before = stage.openFiles();
  const peers: RawPeer[] = [];
  for (let i = 0; i < 50; i++) {
    const peer = await RawPeer.open(stage.port);
    if (i % 2) await peer.send(plainPacket(new Uint8Array([MSG.ignore, 0, 0, 0, 0])).subarray(0, 7));
    peers.push(peer);
  }
  await Promise.all(peers.map((peer) => peer.rest(30_000)));
  await eventually("the agent has closed them too", () => stage.openFiles() <= before + 2);
  for (const peer of peers) peer[Symbol.dispose]();
}, ["--login-timeout", "2s"]);
