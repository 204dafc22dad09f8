import assert from "node:assert/strict";
import type { HeaderFields } from "../../src/stream/header_fields.ts";
import { headerValue } from "../../src/stream/http_head.ts";
import { dialWebSocket } from "../../src/stream/websocket_client.ts";
import { acceptFor } from "../../src/stream/websocket_handshake.ts";
import { CannedServer, httpAnswer, readSome, writeText } from "../support/websocket_canned.ts";
import { refusalOf } from "../support/websocket_refusal_of.ts";
import { echo, WebSocketListener } from "../support/websocket_listener.ts";

const TOKEN: HeaderFields = [["Authorization", "Bearer hunter2hunter2"], ["Cookie", "session=hunter2"]];

interface Case {
  readonly title: string;
  readonly answer: string;
  readonly code: string;
  /** URL stands for the server's. */
  readonly message: string;
  readonly hint: string;
  readonly headers?: HeaderFields;
  readonly details?: Record<string, unknown>;
}

const NOT_UP =
  "The route to the job is not up yet, or the job has ended: wait with --wait 60s, or look whether it runs";
const NO_WEBSOCKET = "Check the URL: what answers there is no WebSocket";

const CASES: readonly Case[] = [
  {
    title: "401 without credentials",
    answer: httpAnswer("401 Unauthorized", {}, "log in please\nsecond line"),
    code: "auth_denied",
    message: 'URL answered 401 Unauthorized: "log in please"',
    hint: "No credentials were sent: log in, or give them with --headers-file",
    details: { status: 401 },
  },
  {
    title: "401 to a token",
    answer: httpAnswer("401 Unauthorized"),
    headers: TOKEN,
    code: "auth_denied",
    message: "URL answered 401 Unauthorized",
    hint:
      "It refused the credentials that were sent, which may have expired: log in again (porthole auth login), or renew the headers file",
    details: { status: 401 },
  },
  {
    title: "403",
    answer: httpAnswer("403 Forbidden", { "Content-Type": "text/html" }, "<html><title>No entry</title>...</html>"),
    code: "auth_denied",
    message: 'URL answered 403 Forbidden: "No entry"',
    hint: "These credentials are not allowed in here: ask whoever owns the run for access",
  },
  ...["404 Not Found", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"].map((status): Case => ({
    title: status,
    answer: httpAnswer(status),
    code: "route_not_ready",
    message: `URL answered ${status}`,
    hint: NOT_UP,
    details: { status: Number(status.slice(0, 3)) },
  })),
  {
    title: "429 with Retry-After",
    answer: httpAnswer("429 Too Many Requests", { "Retry-After": "7" }),
    code: "route_not_ready",
    message: "URL answered 429 Too Many Requests",
    hint: "Too many requests: wait a moment, or with --wait 60s",
    details: { status: 429, retryAfterMs: 7000 },
  },
  {
    title: "500",
    answer: httpAnswer("500 Internal Server Error"),
    code: "handshake_failed",
    message: "URL answered 500 Internal Server Error",
    hint: "The server itself failed: try again, or look at its log",
  },
  {
    title: "200 with a page and control characters in it",
    answer: httpAnswer("200 OK", {}, "hi\x1b[31m there \x07\n<b>"),
    code: "handshake_failed",
    message: 'URL answered 200 OK: "hi\\\\x1b[31m there \\\\x07"',
    hint: NO_WEBSOCKET,
  },
  {
    title: "a body that repeats our token",
    answer: httpAnswer("400 Bad Request", {}, "what is Bearer hunter2hunter2 ?"),
    headers: TOKEN,
    code: "handshake_failed",
    message: 'URL answered 400 Bad Request: "what is Bearer [redacted] ?"',
    hint: NO_WEBSOCKET,
  },
  {
    title: "an SSH server",
    answer: "SSH-2.0-OpenSSH_9.2p1\r\n",
    code: "handshake_failed",
    message: 'URL does not speak HTTP as a WebSocket server does: Expected an HTTP answer, got "SSH-2.0-OpenSSH_9.2p1"',
    hint: "Check the port: something else listens there",
  },
  {
    title: "garbage",
    answer: "\x00\x01\x1b]0;x\x07",
    code: "handshake_failed",
    message:
      'URL does not speak HTTP as a WebSocket server does: Expected an HTTP answer, got "\\\\x00\\\\x01\\\\x1b]0;x\\\\x07"',
    hint: "Check the port: something else listens there",
  },
  {
    title: "nothing at all",
    answer: "",
    code: "handshake_failed",
    message: "URL closed the connection during the WebSocket handshake",
    hint: "The route may be going down or coming up: try again; porthole connect waits for it",
  },
  {
    title: "half a head",
    answer: "HTTP/1.1 101 Switching",
    code: "handshake_failed",
    message:
      "URL does not speak HTTP as a WebSocket server does: The connection ended in the middle of an HTTP head, after 22 bytes",
    hint: "Check the port: something else listens there",
  },
  {
    title: "a head without end",
    answer: `HTTP/1.1 200 OK\r\nA: ${"x".repeat(70_000)}`,
    code: "handshake_failed",
    message:
      "URL does not speak HTTP as a WebSocket server does: An HTTP head must fit into 65536 bytes: this one goes on after 65536",
    hint: "Check the port: something else listens there",
  },
];

for (const { title, answer, code, message, hint, headers = [], details } of CASES) {
  Deno.test(`dialWebSocket says what answered: ${title}`, async () => {
    await using server = CannedServer.answering(() => answer);
    const error = await refusalOf({ url: server.url, headers });
    assert.equal(error.message, message.replace("URL", server.url));
    assert.equal(error.code, code);
    assert.equal(error.hint, hint);
    for (const [name, value] of Object.entries(details ?? {})) assert.equal(error.details?.[name], value);
  });
}

const UPGRADE = { Upgrade: "websocket", Connection: "Upgrade" };
const RIGHT = "RIGHT";
const BAD_101: [title: string, headers: Record<string, string>, what: string][] = [
  ["no Upgrade", { Connection: "Upgrade", "Sec-WebSocket-Accept": RIGHT }, "without `Upgrade: websocket`"],
  ["no Connection", { Upgrade: "websocket", "Sec-WebSocket-Accept": RIGHT }, "without `Connection: Upgrade`"],
  ["no accept", UPGRADE, "without Sec-WebSocket-Accept"],
  [
    "a wrong accept",
    { ...UPGRADE, "Sec-WebSocket-Accept": "AAAA" },
    "with a Sec-WebSocket-Accept that does not fit the request",
  ],
  [
    "an extension",
    { ...UPGRADE, "Sec-WebSocket-Accept": RIGHT, "Sec-WebSocket-Extensions": "permessage-deflate" },
    'chose the extension "permessage-deflate", which was not offered',
  ],
  [
    "a subprotocol",
    { ...UPGRADE, "Sec-WebSocket-Accept": RIGHT, "Sec-WebSocket-Protocol": "chat" },
    'chose the subprotocol "chat", which was not offered',
  ],
];
for (const [title, headers, what] of BAD_101) {
  Deno.test(`dialWebSocket refuses a 101 with ${title}`, async () => {
    await using server = new CannedServer(async (conn) => {
      const text = new TextDecoder().decode(await readSome(conn));
      const accept = await acceptFor(/Sec-WebSocket-Key: (\S+)/.exec(text)?.[1] ?? "");
      const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value === RIGHT ? accept : value}\r\n`);
      await writeText(conn, `HTTP/1.1 101 Switching Protocols\r\n${fields.join("")}\r\n`);
    });
    const error = await refusalOf({ url: server.url, protocols: ["resume"] });
    assert.equal(error.code, "handshake_failed");
    assert.equal(error.message, `${server.url} answered 101 but ${what}`);
  });
}

Deno.test("dialWebSocket tells a refused connection from a name that does not resolve", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const refused = await refusalOf({ url: `ws://127.0.0.1:${port}/` });
  assert.equal(refused.code, "dial_failed");
  assert.equal(refused.message, `Cannot connect to "127.0.0.1:${port}": connection refused`);
  assert.equal(refused.details?.reason, "refused");
  const unknown = await refusalOf({ url: "ws://no-such-host.invalid/" });
  assert.equal(unknown.code, "dial_failed");
  assert.equal(unknown.message, 'Cannot find the host "no-such-host.invalid": the name does not resolve');
  assert.equal(unknown.details?.reason, "dns");
});

Deno.test("dialWebSocket gives a server up that never answers", async () => {
  const gone = Promise.withResolvers<void>();
  await using server = new CannedServer(() => gone.promise);
  const error = await refusalOf({ url: server.url, timeoutMs: 30 });
  gone.resolve();
  assert.equal(error.code, "timeout");
  assert.match(error.message, /^ws:\/\/127\.0\.0\.1:\d+\/ did not answer within 0s$/);
});

Deno.test("dialWebSocket ends with the signal's reason, before and during the handshake", async () => {
  const reached = Promise.withResolvers<void>();
  await using server = new CannedServer(async (conn) => {
    await readSome(conn);
    reached.resolve();
    await readSome(conn);
  });
  const controller = new AbortController();
  const dialling = dialWebSocket({ url: server.url, signal: controller.signal });
  await reached.promise;
  controller.abort(new Error("changed my mind"));
  await assert.rejects(dialling, /changed my mind/);
  await assert.rejects(dialWebSocket({ url: server.url, signal: controller.signal }), /changed my mind/);
});

Deno.test("dialWebSocket sends what RFC 6455 asks for, the headers given, and offers no extension", async () => {
  await using server = new WebSocketListener(echo, { protocols: ["b", "a"] });
  using stream = await dialWebSocket({
    url: `${server.url}p%20q?x=1`,
    headers: [["X-Test", "caf\xe9"], ["User-Agent", "mine"]],
    protocols: ["a", "b"],
  });
  assert.equal(stream.protocol, "b");
  const [request] = server.requests;
  assert.ok(request);
  assert.equal(request.startLine, "GET /p%20q?x=1 HTTP/1.1");
  assert.equal(headerValue(request, "host"), `127.0.0.1:${server.port}`);
  assert.equal(headerValue(request, "sec-websocket-version"), "13");
  assert.equal(headerValue(request, "x-test"), "caf\xe9");
  assert.equal(headerValue(request, "user-agent"), "mine");
  assert.equal(headerValue(request, "sec-websocket-extensions"), undefined);
});

Deno.test("acceptWebSocket answers exactly the four lines of docs/wire.md, and 400 without a key", async () => {
  await using server = new WebSocketListener(echo);
  const ask = async (request: string) => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await writeText(conn, request);
    return new TextDecoder().decode((await readSome(conn)).slice());
  };
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  assert.equal(
    await ask(`GET /any HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${key}\r\n\r\n`),
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
  );
  assert.equal(
    await ask("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
  );
});
