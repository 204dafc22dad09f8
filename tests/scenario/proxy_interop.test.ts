import assert from "node:assert/strict";
import { readAll } from "../support/websocket_transport.ts";
import { dialWebSocket } from "../../src/stream/websocket_client.ts";
import { echo, WebSocketListener } from "../support/websocket_listener.ts";
import { pythonWith } from "../support/programs.ts";
import { pattern } from "../support/websocket_transport.ts";

const python = pythonWith("websockets");
const needs = { ignore: python === null };
const SIZES = [1, 125, 126, 65_535, 65_536, 65_537, 1_000_000];

const SERVER = `
import asyncio, websockets
async def echo(ws, *_):
    total = 0
    async for message in ws:
        await ws.send(message)
        total += len(message)
        if total >= ${SIZES.reduce((sum, size) => sum + size, 0)}:
            await (await ws.ping())
            await ws.close(4001, "done")
async def main():
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None, ping_interval=0.05) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main())
`;

const CLIENT = `
import asyncio, os, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1], max_size=None, ping_interval=0.05) as ws:
        for size in ${JSON.stringify(SIZES)}:
            data = os.urandom(size)
            await ws.send(data)
            back = b""
            while len(back) < size:
                back += await ws.recv()
            assert back == data, size
        await (await ws.ping())
    print("closed", ws.close_code if hasattr(ws, "close_code") else "")
asyncio.run(main())
`;

Deno.test(
  "dialWebSocket talks with Python's websockets server, pings and close codes too (needs python3-websockets)",
  needs,
  async () => {
    await using child = new Deno.Command(python ?? "", { args: ["-c", SERVER], stdout: "piped", stderr: "inherit" })
      .spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    try {
      const { value: port } = await lines.read();
      using stream = await dialWebSocket({ url: `ws://127.0.0.1:${port?.trim()}/`, pingIntervalMs: 20 });
      for (const size of SIZES) {
        const sent = pattern(size, size);
        await stream.write(sent);
        assert.deepEqual(await readAll(stream, size), sent);
      }
      assert.equal(await stream.read(), null);
      assert.deepEqual(stream.closeInfo, { code: 4001, reason: "done" });
      await stream.closeWrite();
    } finally {
      child.kill();
      await lines.cancel();
    }
  },
);

Deno.test(
  "acceptWebSocket talks with Python's websockets client, whose pings it answers (needs python3-websockets)",
  needs,
  async () => {
    await using server = new WebSocketListener(echo, { pingIntervalMs: 20 });
    const command = new Deno.Command(python ?? "", {
      args: ["-c", CLIENT, server.url],
      stdout: "piped",
      stderr: "piped",
    });
    const { code, stdout, stderr } = await command.output();
    assert.equal(new TextDecoder().decode(stderr), "");
    assert.equal(code, 0);
    assert.match(new TextDecoder().decode(stdout), /^closed/);
    assert.deepEqual(server.errors, []);
  },
);

Deno.test("dialWebSocket and acceptWebSocket talk with the runtime's own WebSocket", async () => {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
  using stream = await dialWebSocket({ url: `ws://127.0.0.1:${server.addr.port}/` });
  for (const size of SIZES) {
    const sent = pattern(size, size);
    await stream.write(sent);
    assert.deepEqual(await readAll(stream, size), sent);
  }
  await stream.close();
  await using listener = new WebSocketListener(echo);
  const socket = new WebSocket(listener.url);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve) => socket.onopen = resolve);
  const received = new Promise<Uint8Array>((resolve) => socket.onmessage = ({ data }) => resolve(new Uint8Array(data)));
  socket.send(pattern(1000));
  assert.deepEqual(await received, pattern(1000));
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  socket.close(1000);
  assert.equal((await closed).wasClean, true);
});
