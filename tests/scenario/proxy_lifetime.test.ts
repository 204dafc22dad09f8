import assert from "node:assert/strict";
import { CannedServer, httpAnswer } from "../support/websocket_canned.ts";
import { echo, WebSocketListener } from "../support/websocket_listener.ts";
import { ProxyChild } from "../support/websocket_proxy_child.ts";
import { pattern, rawFrame, readAll } from "../support/websocket_transport.ts";
import { headerValue } from "../../src/stream/http_head.ts";
import { acceptFor } from "../../src/stream/websocket_handshake.ts";

const text = (value: string) => new TextEncoder().encode(value);
const SILENT_END = { code: 0, stdout: "", stderr: "" };

/** Does nothing until the client leaves. */
async function holdOn(conn: Deno.Conn, onRead: () => void = () => {}): Promise<void> {
  const into = new Uint8Array(65_536);
  while (await conn.read(into) !== null) onRead();
}

Deno.test("porthole proxy leaves at once when stdin ends while the handshake hangs", async () => {
  const asked = Promise.withResolvers<void>();
  await using server = new CannedServer((conn) => holdOn(conn, asked.resolve));
  await using proxy = await ProxyChild.start([server.url]);
  await proxy.write(text("SSH-2.0-client\r\n"));
  await asked.promise;
  await proxy.closeStdin();
  assert.deepEqual(await proxy.end(), SILENT_END);
});

Deno.test("porthole proxy leaves at once when stdin ends while it waits for the route", async () => {
  const asked = Promise.withResolvers<void>();
  await using server = CannedServer.answering((_, index) => {
    if (index === 1) asked.resolve();
    return httpAnswer("503 Service Unavailable");
  });
  await using proxy = await ProxyChild.start(["--wait", "10m", server.url]);
  await asked.promise;
  await proxy.closeStdin();
  const { code, stdout, stderr } = await proxy.end();
  assert.deepEqual({ code, stdout }, { code: 0, stdout: "" });
  assert.equal(
    stderr,
    `porthole: ${server.url} answered 503 Service Unavailable; waiting up to 10m for the route\n`,
  );
});

Deno.test("porthole proxy leaves when stdin is at its end from the start", async () => {
  await using server = new CannedServer((conn) => holdOn(conn));
  await using proxy = await ProxyChild.start([server.url]);
  await proxy.closeStdin();
  assert.deepEqual(await proxy.end(), SILENT_END);
});

Deno.test("porthole proxy passes the end of stdin on and prints what still comes", async () => {
  await using server = new WebSocketListener(async (stream) => {
    await stream.write(text("SSH"));
    await readAll(stream);
    await stream.write(text(" and last words"));
    await stream.close();
  });
  await using proxy = await ProxyChild.start([server.url]);
  await proxy.write(text("hello"));
  assert.equal(new TextDecoder().decode((await proxy.read()) ?? undefined), "SSH");
  await proxy.closeStdin();
  assert.deepEqual(await proxy.end(), { code: 0, stdout: " and last words", stderr: "" });
});

Deno.test("porthole proxy leaves when stdin ends and the far side has vanished without a word", async () => {
  await using server = new CannedServer(async (conn) => {
    await upgradeByHand(conn, rawFrame({ payload: "SSH-2.0-x\r\n" }));
    await holdOn(conn);
  });
  await using proxy = await ProxyChild.start([server.url]);
  assert.equal(new TextDecoder().decode((await proxy.read()) ?? undefined), "SSH-2.0-x\r\n");
  await proxy.closeStdin();
  assert.deepEqual(await proxy.end(), SILENT_END);
});

Deno.test("porthole proxy leaves when the far side closes while stdin stays open", async () => {
  await using server = new WebSocketListener(async (stream) => {
    await stream.write(text("SSH-2.0-x\r\n"));
    await stream.close();
  });
  await using proxy = await ProxyChild.start([server.url]);
  assert.deepEqual(await proxy.end(), { code: 0, stdout: "SSH-2.0-x\r\n", stderr: "" });
});

Deno.test("porthole proxy says that no SSH server answered when the route closes before the first byte", async () => {
  await using server = new WebSocketListener((stream) => stream.close());
  await using proxy = await ProxyChild.start([server.url]);
  await proxy.write(text("SSH-2.0-client\r\n"));
  assert.deepEqual(await proxy.end(), {
    code: 255,
    stdout: "",
    stderr: "porthole: No SSH server answered behind the route: it closed before the first byte. " +
      "The job may be starting or ending: look at its log, then try again\n",
  });
});

Deno.test("porthole proxy says with which reason the far side closed", async () => {
  await using server = new CannedServer(async (conn) => {
    const close = rawFrame({ opcode: 8, payload: new Uint8Array([3, 243, ...text("gone\x1b[2J")]) });
    await upgradeByHand(conn, new Uint8Array([...rawFrame({ payload: "SSH" }), ...close]));
    await holdOn(conn);
  });
  await using proxy = await ProxyChild.start([server.url]);
  assert.deepEqual(await proxy.end(), {
    code: 255,
    stdout: "SSH",
    stderr: 'porthole: The tunnel ended: the far side closed it with code 1011 "gone\\\\x1b[2J". ' +
      "Connect again; if it happens again, look whether the job still runs\n",
  });
});

Deno.test("porthole proxy says that the tunnel was cut when the connection ends without a close frame", async () => {
  await using server = new CannedServer((conn) => upgradeByHand(conn, rawFrame({ payload: "SSH" })));
  await using proxy = await ProxyChild.start([server.url]);
  assert.deepEqual(await proxy.end(), {
    code: 255,
    stdout: "SSH",
    stderr: "porthole: The tunnel ended: the connection was cut. " +
      "Connect again; if it happens again, look whether the job still runs\n",
  });
});

Deno.test("porthole proxy leaves when nobody reads its stdout any more", async () => {
  await using server = new WebSocketListener(async (stream) => {
    for (;;) await stream.write(pattern(65_536));
  });
  await using proxy = await ProxyChild.start([server.url]);
  await proxy.read();
  assert.deepEqual(await proxy.endWithoutReading(), { code: 0, stderr: "" });
});

Deno.test("porthole proxy waits for a route that comes up, keeps what was typed, and reads the headers anew", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "# first\nAuthorization: Bearer one\n");
  await Deno.chmod(file, 0o600);
  const tokens: (string | undefined)[] = [];
  await using server = new CannedServer(async (conn, index) => {
    const head = await readRequest(conn);
    tokens.push(/^Authorization: (.*)\r$/m.exec(head)?.[1]);
    if (index < 2) {
      await Deno.writeTextFile(file, `Authorization: Bearer ${index + 2}\n`);
      return void await conn.write(text(httpAnswer(index === 0 ? "404 Not Found" : "502 Bad Gateway")));
    }
    await conn.write(text(await upgradeAnswer(head)));
    const into = new Uint8Array(1000);
    assert.equal((await conn.read(into) ?? 0) > 14, true);
    await conn.write(rawFrame({ payload: "got it" }));
    await conn.write(rawFrame({ opcode: 8 }));
    await holdOn(conn);
  });
  try {
    await using proxy = await ProxyChild.start(["--headers-file", file, "--wait=30s", server.url]);
    await proxy.write(text("SSH-2.0-client\r\n"));
    assert.deepEqual(await proxy.end(), {
      code: 0,
      stdout: "got it",
      stderr: `porthole: ${server.url} answered 404 Not Found; waiting up to 30s for the route\n`,
    });
    assert.deepEqual(tokens, ["Bearer one", "Bearer 2", "Bearer 3"]);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("porthole proxy asks once without --wait, and tells what answered in one line", async () => {
  await using server = CannedServer.answering(() => httpAnswer("502 Bad Gateway", {}, "no\nroute"));
  await using proxy = await ProxyChild.start([server.url]);
  assert.deepEqual(await proxy.end(), {
    code: 255,
    stdout: "",
    stderr: `porthole: ${server.url} answered 502 Bad Gateway: "no". The route to the job is not up yet, ` +
      "or the job has ended: wait with --wait 60s, or look whether it runs\n",
  });
  assert.equal(server.count, 1);
});

Deno.test("porthole proxy sends --header and shows no secret, not even with PORTHOLE_DEBUG", async () => {
  await using server = CannedServer.answering(() => httpAnswer("403 Forbidden"));
  await using proxy = await ProxyChild.start(
    ["--header", "Authorization=Bearer hunter2", `${server.url}x?token=hunter2&run=7`],
    { env: { PORTHOLE_DEBUG: "1" } },
  );
  const { code, stderr } = await proxy.end();
  assert.equal(code, 255);
  const [request] = server.requests;
  assert.equal(request && headerValue(request, "authorization"), "Bearer hunter2");
  assert.doesNotMatch(stderr, /hunter2/);
  assert.match(stderr, /^porthole: debug: dialling ws:\/\/127\.0\.0\.1:\d+\/x\?token=\[redacted\]&run=7$/m);
});

for (const alias of ["-oProxyCommand=id", "../../etc/passwd", "a b", "$(id)", "x;id"]) {
  Deno.test(`porthole proxy refuses the hostile name ${alias}`, async () => {
    await using proxy = await ProxyChild.start(["--", alias]);
    const { code, stdout, stderr } = await proxy.end();
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.equal(
      stderr,
      `porthole: "${alias}" is neither a ws:// or wss:// URL nor an alias. ` +
        "An alias begins with a letter or digit and has at most 63 of A-Z a-z 0-9 . _ -\n",
    );
  });
}

Deno.test("porthole proxy carries 32 MiB each way unchanged", async () => {
  await using server = new WebSocketListener(echo);
  await using proxy = await ProxyChild.start([server.url]);
  const block = pattern(1 << 20);
  const writing = (async () => {
    for (let i = 0; i < 32; i++) await proxy.write(block);
    await proxy.closeStdin();
  })();
  let received = 0;
  for (let bytes = await proxy.read(); bytes !== null; bytes = await proxy.read()) {
    for (let i = 0; i < bytes.length; i += 101) assert.equal(bytes[i], block[(received + i) & 0xfffff]);
    received += bytes.length;
  }
  await writing;
  assert.equal(received, 32 << 20);
  assert.deepEqual(await proxy.end(), SILENT_END);
});

async function readRequest(conn: Deno.Conn): Promise<string> {
  const into = new Uint8Array(4096);
  return new TextDecoder().decode(into.subarray(0, await conn.read(into) ?? 0));
}

async function upgradeAnswer(request: string): Promise<string> {
  const accept = await acceptFor(/Sec-WebSocket-Key: (\S+)/.exec(request)?.[1] ?? "");
  return `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** Answers the upgrade, with `first` in the same segment as the 101. */
async function upgradeByHand(conn: Deno.Conn, first: Uint8Array): Promise<void> {
  await conn.write(new Uint8Array([...text(await upgradeAnswer(await readRequest(conn))), ...first]));
}
