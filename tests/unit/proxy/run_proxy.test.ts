import assert from "node:assert/strict";
import { AppError } from "../../../src/base/errors.ts";
import { EarlyReader } from "../../../src/proxy/early_reader.ts";
import { proxyMain } from "../../../src/proxy/run_from_args.ts";
import { runProxy, type RunProxyOptions } from "../../../src/proxy/run_proxy.ts";
import { createMemoryPair } from "../../../src/stream/memory.ts";
import { pattern, readAll } from "../../support/websocket_transport.ts";

const text = (value: string) => new TextEncoder().encode(value);

function stage(options: Partial<RunProxyOptions> = {}) {
  const [client, stdio] = createMemoryPair();
  const [route, server] = createMemoryPair();
  const notices: string[] = [];
  const running = runProxy({
    dial: () => Promise.resolve(route),
    stdio,
    notice: (line) => notices.push(line),
    lingerMs: 20,
    ...options,
  });
  return { client, server, running, notices };
}

Deno.test("runProxy carries both ways and ends with the route", async () => {
  const { client, server, running } = stage();
  await client.write(text("up"));
  assert.equal((await readAll(server, 2)).length, 2);
  await server.write(text("down"));
  await server.closeWrite();
  assert.equal(new TextDecoder().decode(await readAll(client)), "down");
  assert.deepEqual(await running, { endedBy: "route", bytesUp: 2, bytesDown: 4 });
  client[Symbol.dispose]();
});

Deno.test("runProxy says so when the resume protocol was chosen and something has removed that from the answer", async () => {
  const { client, server, running } = stage();
  await server.write(new Uint8Array([1, 0, 0, 44, ...new Uint8Array(44)]));
  await assert.rejects(running, (error) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, "protocol");
    assert.match(error.message, /came without its Sec-WebSocket-Protocol/);
    assert.match(error.hint ?? "", /--no-resume/);
    return true;
  });
  client[Symbol.dispose]();
});

Deno.test("runProxy passes the end of stdin on and waits for what still comes, not for silence", async () => {
  const { client, server, running } = stage();
  await server.write(text("a"));
  await client.write(text("x"));
  await readAll(client, 1);
  await client.closeWrite();
  assert.equal(new TextDecoder().decode(await readAll(server)), "x");
  assert.deepEqual(await running, { endedBy: "stdin", bytesUp: 1, bytesDown: 1 });
});

Deno.test("runProxy calls a dial off when stdin ends, and closes a connection that came too late", async () => {
  const late = Promise.withResolvers<void>();
  const [route, server] = createMemoryPair();
  let reason: unknown;
  const { client, running } = stage({
    dial: async ({ signal }) => {
      await late.promise;
      reason = signal?.aborted;
      return route;
    },
  });
  await client.write(text("SSH-2.0"));
  await client.closeWrite();
  assert.deepEqual(await running, { endedBy: "stdin", bytesUp: 0, bytesDown: 0 });
  late.resolve();
  assert.equal(await server.read(), null);
  assert.equal(reason, true);
});

Deno.test("runProxy ends with the signal's reason while dialling and while connected", async () => {
  const controller = new AbortController();
  const never = new Promise<never>((_, reject) =>
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason))
  );
  const dialling = stage({ dial: () => never, signal: controller.signal });
  const connected = stage({ signal: controller.signal });
  await connected.server.write(text("a"));
  await readAll(connected.client, 1);
  controller.abort(new Error("Ctrl-C"));
  await assert.rejects(dialling.running, /Ctrl-C/);
  await assert.rejects(connected.running, /Ctrl-C/);
  dialling.client[Symbol.dispose]();
  connected.client[Symbol.dispose]();
});

Deno.test("runProxy says that nobody answered when the route ends before its first byte", async () => {
  const { client, server, running } = stage();
  await server.closeWrite();
  await assert.rejects(running, {
    code: "tunnel_closed",
    message: "No SSH server answered behind the route: it closed before the first byte",
  });
  client[Symbol.dispose]();
});

Deno.test("runProxy keeps a bounded number of bytes for a stdout that nobody reads", async () => {
  const { client, server, running } = stage();
  let written = 0;
  const writing = (async () => {
    for (let i = 0; i < 100; i++) {
      await server.write(pattern(65_536));
      written += 65_536;
    }
    await server.closeWrite();
  })();
  for (let i = 0; i < 500; i++) await Promise.resolve();
  assert.ok(written <= 4 * 65_536, `${written} taken`);
  assert.equal((await readAll(client)).length, 100 * 65_536);
  await Promise.all([writing, running]);
  client[Symbol.dispose]();
});

Deno.test("EarlyReader notices the end before anybody reads, keeps a bounded beginning, then goes on", async () => {
  const [writer, stream] = createMemoryPair({ maxBufferedBytes: 10_000 });
  const early = new EarlyReader(stream);
  const sent = pattern(300_000);
  let written = 0;
  const writing = (async () => {
    for (let at = 0; at < sent.length; at += 10_000) {
      await writer.write(sent.slice(at, at + 10_000));
      written += 10_000;
    }
    await writer.closeWrite();
  })();
  for (let i = 0; i < 500; i++) await Promise.resolve();
  assert.ok(written <= 65_536 + 30_000, `${written} taken`);
  assert.deepEqual(await readAll(early), sent);
  await writing;
  const [ended, short] = createMemoryPair();
  const watching = new EarlyReader(short);
  await ended.write(text("abc"));
  await ended.closeWrite();
  await watching.ended;
  assert.equal(new TextDecoder().decode(await readAll(watching)), "abc");
  assert.equal(await watching.read(), null);
});

Deno.test("proxyMain loads the alias once, takes a fresh credential at each dial, and prints one line for a failure", async () => {
  const [client, stdio] = createMemoryPair();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const lines: string[] = [];
  const asked: string[] = [];
  const code = await proxyMain(["train"], {
    env: {},
    stdio,
    printError: (line) => lines.push(line),
    loadTarget: (alias) => {
      asked.push(alias);
      return Promise.resolve({
        route: { kind: "websocket", url: `ws://127.0.0.1:${port}/` },
        credential: () => {
          asked.push("credential");
          return Promise.resolve({ Authorization: "Bearer hunter2" });
        },
      });
    },
  });
  assert.equal(code, 255);
  assert.deepEqual(asked, ["train", "credential"]);
  assert.deepEqual(lines, [
    `porthole: Cannot connect to "127.0.0.1:${port}": connection refused. Nothing listens there: is it running, and on that port?`,
  ]);
  client[Symbol.dispose]();
});

Deno.test("proxyMain reaches plain TCP by an alias, and tells an alias that does not exist", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using conn = await listener.accept();
    await conn.write(text("SSH-2.0-tcp\r\n"));
    await conn.read(new Uint8Array(10));
  })();
  const [client, stdio] = createMemoryPair();
  const lines: string[] = [];
  const base = { env: {}, stdio, printError: (line: string) => lines.push(line) };
  const running = proxyMain(["job"], {
    ...base,
    loadTarget: () => Promise.resolve({ route: { kind: "tcp", host: "127.0.0.1", port: listener.addr.port } }),
  });
  await client.write(text("x"));
  assert.equal(new TextDecoder().decode(await readAll(client)), "SSH-2.0-tcp\r\n");
  assert.equal(await running, 0);
  await serving;
  listener.close();
  const [other, otherStdio] = createMemoryPair();
  const missing = new AppError("not_found", 'There is no target "nope"', { hint: "porthole list" });
  const code = await proxyMain(["nope"], { ...base, stdio: otherStdio, loadTarget: () => Promise.reject(missing) });
  assert.equal(code, 2);
  assert.deepEqual(lines, ['porthole: There is no target "nope". porthole list']);
  const asJson = await proxyMain(["nope", "--json"], {
    ...base,
    stdio: otherStdio,
    loadTarget: () => Promise.reject(missing),
  });
  assert.equal(asJson, 2);
  assert.deepEqual(JSON.parse(lines[1] ?? ""), {
    error: { code: "not_found", message: 'There is no target "nope"', hint: "porthole list" },
  });
  other[Symbol.dispose]();
  client[Symbol.dispose]();
});
