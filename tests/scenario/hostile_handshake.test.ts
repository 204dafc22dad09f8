import assert from "node:assert/strict";
import { beginExchange, MLKEM768_X25519 } from "../../src/ssh/kex/mlkem768_x25519.ts";
import { startHostileStage } from "../support/hostile_stage.ts";
import { hasProgram } from "../support/programs.ts";
import {
  EncryptedPeer,
  joined,
  kexInit,
  MSG,
  openSession,
  plainPacket,
  RawPeer,
  string,
  uint32,
} from "../support/raw_ssh.ts";

const CURVE_POINT = new Uint8Array(32).fill(9);

/** What a client may get wrong before its keys are in use, sent behind its greeting. */
const BEFORE_KEYS: Readonly<Record<string, (peer: RawPeer) => Promise<void>>> = {
  "a packet of 2 GiB": (peer) => peer.send(joined(uint32(0x7fffffff), new Uint8Array(60))),
  "a packet with a negative length": (peer) => peer.send(joined(uint32(0xfffffff8), new Uint8Array(60))),
  "a packet of no length": (peer) => peer.send(new Uint8Array(64)),
  "more padding than packet": (peer) => peer.send(joined(uint32(12), 255, new Uint8Array(11))),
  "garbage": (peer) => peer.send(crypto.getRandomValues(new Uint8Array(4096))),
  "text": (peer) => peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20)),
  "a channel": (peer) => peer.sendPacket(openSession(0)),
  "SERVICE_ACCEPT, which is the server's to say": (peer) =>
    peer.sendPacket(joined(MSG.serviceAccept, string("ssh-userauth"))),
  "USERAUTH_SUCCESS, which is the server's to say": (peer) => peer.sendPacket(new Uint8Array([MSG.userauthSuccess])),
  "a login": (peer) => peer.sendPacket(login()),
  "a key before KEXINIT": (peer) => peer.sendPacket(joined(MSG.kexEcdhInit, string(CURVE_POINT))),
  "NEWKEYS at once": (peer) => peer.sendPacket(new Uint8Array([MSG.newKeys])),
  "KEXINIT cut off": (peer) => peer.sendPacket(kexInit().subarray(0, 40)),
  "KEXINIT twice": async (peer) => {
    await peer.sendPacket(kexInit());
    await peer.sendPacket(kexInit());
  },
  "KEXINIT a thousand times": async (peer) => {
    for (let i = 0; i < 1000; i++) await peer.sendPacket(kexInit()).catch(() => {});
  },
  "KEXINIT with nothing in common": (peer) => peer.sendPacket(kexInit({ kex: "none" })),
  "a key that is no point of the curve": async (peer) => {
    await peer.sendPacket(kexInit());
    await peer.sendPacket(joined(MSG.kexEcdhInit, string(new Uint8Array(7))));
  },
  "a part of the hybrid exchange that is cut off": async (peer) => {
    await peer.sendPacket(kexInit({ kex: MLKEM768_X25519 }));
    await peer.sendPacket(joined(MSG.kexEcdhInit, string(CURVE_POINT)).subarray(0, 20));
  },
  "a part of the hybrid exchange that is too short": async (peer) => {
    await peer.sendPacket(kexInit({ kex: MLKEM768_X25519 }));
    await peer.sendPacket(joined(MSG.kexEcdhInit, string(CURVE_POINT)));
  },
  "a part of the hybrid exchange that is no key": async (peer) => {
    await peer.sendPacket(kexInit({ kex: MLKEM768_X25519 }));
    await peer.sendPacket(joined(MSG.kexEcdhInit, string(new Uint8Array(1216).fill(0xff))));
  },
  "NEWKEYS while the hybrid exchange is answered": async (peer) => {
    await peer.sendPacket(kexInit({ kex: MLKEM768_X25519 }));
    const init = joined(MSG.kexEcdhInit, string((await beginExchange()).init));
    await peer.send(joined(plainPacket(init), plainPacket(new Uint8Array([MSG.newKeys]))));
  },
  "a channel in the middle of the key exchange": async (peer) => {
    await peer.sendPacket(kexInit());
    await peer.sendPacket(openSession(0));
  },
  "NEWKEYS in the middle of the key exchange": async (peer) => {
    await peer.sendPacket(kexInit());
    await peer.sendPacket(new Uint8Array([MSG.newKeys]));
  },
  "DISCONNECT in the middle of the key exchange": async (peer) => {
    await peer.sendPacket(kexInit());
    await peer.sendPacket(joined(MSG.disconnect, uint32(2), string("enough"), string("")));
  },
  "bytes in the clear behind NEWKEYS": async (peer) => {
    await peer.sendPacket(kexInit());
    await peer.sendPacket(joined(MSG.kexEcdhInit, string(CURVE_POINT)));
    await peer.sendPacket(new Uint8Array([MSG.newKeys]));
    await peer.send(crypto.getRandomValues(new Uint8Array(40_000)));
  },
};

/** What a client may get wrong behind the key exchange, before it has logged in. */
const BEFORE_LOGIN: Readonly<Record<string, (peer: EncryptedPeer) => void>> = {
  "a channel": (peer) => peer.send(openSession(0)),
  "a forwarded port": (peer) =>
    peer.send(joined(MSG.globalRequest, string("tcpip-forward"), 1, string("127.0.0.1"), uint32(0))),
  "data for a channel": (peer) => peer.send(joined(MSG.channelData, uint32(0), string("x"))),
  "USERAUTH_SUCCESS, which is the server's to say": (peer) => peer.send(new Uint8Array([MSG.userauthSuccess])),
  "SERVICE_ACCEPT, which is the server's to say": (peer) =>
    peer.send(joined(MSG.serviceAccept, string("ssh-userauth"))),
  "a login without asking for the service": (peer) => peer.send(login()),
  "answers to questions that nobody put": (peer) => peer.send(joined(MSG.infoResponse, uint32(32_000_000))),
  "a service that there is not": (peer) => peer.send(joined(MSG.serviceRequest, string("ssh-connection"))),
  "the service twice": (peer) => {
    for (let i = 0; i < 2; i++) peer.send(joined(MSG.serviceRequest, string("ssh-userauth")));
  },
  "new keys": (peer) => peer.send(kexInit()),
  "a hundred attempts at once": (peer) => {
    peer.send(joined(MSG.serviceRequest, string("ssh-userauth")));
    for (let i = 0; i < 100; i++) peer.send(login());
  },
  "attempts without a method, for ever": (peer) => {
    peer.send(joined(MSG.serviceRequest, string("ssh-userauth")));
    for (let i = 0; i < 9; i++) peer.send(login("none"));
  },
};

function login(method = "publickey"): Uint8Array {
  const head = joined(MSG.userauthRequest, string("x"), string("ssh-connection"), string(method));
  return method === "none" ? head : joined(head, 0, string("ssh-ed25519"), string(new Uint8Array(51)));
}

Deno.test({
  name: "whatever a client gets wrong before its log-in ends its connection at once, and nobody else's (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: async (t) => {
    await using stage = await startHostileStage();
    assert.equal((await stage.exec("echo hello")).stdout, "hello\n");
    const before = stage.openFiles();
    for (const [what, attack] of Object.entries(BEFORE_KEYS)) {
      await t.step(`before its keys: ${what}`, async () => {
        using peer = await RawPeer.open(stage.port);
        await attack(peer).catch(() => {/* it was closed in the middle of it */});
        await peer.rest(30_000);
      });
    }
    for (const [what, attack] of Object.entries(BEFORE_LOGIN)) {
      await t.step(`before its log-in: ${what}`, async () => {
        using peer = await EncryptedPeer.open(stage.port);
        attack(peer);
        await peer.closedWithin(5000);
      });
    }
    assert.equal((await stage.exec("echo still here")).stdout, "still here\n");
    assert.ok(stage.openFiles() <= before + 2, `${stage.openFiles()} files open: ${before} before`);
    assert.ok(stage.rssMiB() < 250, `${stage.rssMiB()} MiB`);
  },
});

Deno.test("a message put in front of the key exchange ends it (CVE-2023-48795), in strict mode", async () => {
  await using stage = await startHostileStage();
  for (const type of [MSG.ignore, MSG.debug, MSG.unimplemented]) {
    const extra = type === MSG.ignore
      ? joined(type, string(""))
      : type === MSG.debug
      ? joined(type, 0, string(""), string(""))
      : joined(type, uint32(0));
    for (const place of ["before KEXINIT", "behind KEXINIT", "before NEWKEYS"]) {
      using peer = await RawPeer.open(stage.port);
      const serverInit = await peer.readPacket();
      assert.match(new TextDecoder("latin1").decode(serverInit), /kex-strict-s-v00@openssh\.com/);
      if (place === "before KEXINIT") await peer.sendPacket(extra);
      await peer.sendPacket(kexInit({ isStrict: true })).catch(() => {});
      if (place === "behind KEXINIT") await peer.sendPacket(extra).catch(() => {});
      await peer.sendPacket(joined(MSG.kexEcdhInit, string(CURVE_POINT))).catch(() => {});
      if (place === "before NEWKEYS") await peer.sendPacket(extra).catch(() => {});
      const said = await peer.rest(30_000);
      assert.ok(
        place === "before NEWKEYS" || !said.includes("ssh-ed25519"),
        `${type} ${place}: the key exchange went on`,
      );
    }
  }
});

Deno.test({
  name: "a client that says what it is byte by byte is served (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: async () => {
    await using stage = await startHostileStage();
    using peer = await RawPeer.open(stage.port, { greeting: false });
    for (const letter of "SSH-2.0-slow\r\n") {
      await peer.send(letter);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const greeting = await peer.until((bytes) => bytes.indexOf(10) + 1 || undefined);
    assert.match(new TextDecoder().decode(greeting), /^SSH-2\.0-porthole/);
    assert.equal((await peer.readPacket())[0], MSG.kexInit);
    assert.equal((await stage.exec("echo meanwhile")).stdout, "meanwhile\n");
  },
});
