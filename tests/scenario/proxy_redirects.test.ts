import assert from "node:assert/strict";
import type { HeaderFields } from "../../src/stream/header_fields.ts";
import { dialWebSocket } from "../../src/stream/websocket_client.ts";
import { acceptFor } from "../../src/stream/websocket_handshake.ts";
import { CannedServer, httpAnswer, readSome, writeText } from "../support/websocket_canned.ts";
import { refusalOf } from "../support/websocket_refusal_of.ts";

const TOKEN: HeaderFields = [["Authorization", "Bearer hunter2hunter2"], ["Cookie", "session=hunter2"]];

const REDIRECTS: [title: string, status: string, location: string, place: string][] = [
  [
    "to another host's log-in page",
    "302 Found",
    "https://sso.example/login?next=%2F&token=hunter2",
    "a log-in page on sso.example",
  ],
  ["to a log-in page on the same host", "302 Found", "/login?redirect_url=x", "a log-in page on HOST"],
  ["to another host", "301 Moved Permanently", "wss://elsewhere.example:8443/x", "the host elsewhere.example:8443"],
  ["to another port", "307 Temporary Redirect", "ws://127.0.0.1:9/x", "the host 127.0.0.1:9"],
  ["to a user name", "308 Permanent Redirect", "https://u:hunter2@elsewhere.example/", "the host elsewhere.example"],
];
for (const [title, status, location, place] of REDIRECTS) {
  Deno.test(`dialWebSocket names the host of a redirect ${title}, and does not go there`, async () => {
    await using server = CannedServer.answering(() => httpAnswer(status, { Location: location }));
    const error = await refusalOf({ url: server.url, headers: TOKEN });
    const host = `127.0.0.1:${server.port}`;
    assert.equal(error.code, "redirected");
    assert.equal(
      error.message,
      `${server.url} answered ${status.slice(0, 3)} and points to ${place.replace("HOST", host)}`,
    );
    assert.equal(
      error.hint,
      "The credentials are missing or have expired: log in again (porthole auth login), or renew the headers file",
    );
    assert.equal(server.count, 1);
  });
}

Deno.test("dialWebSocket never sends Authorization or cookies to where a redirect points", async () => {
  await using elsewhere = CannedServer.answering(() => httpAnswer("200 OK"));
  await using server = CannedServer.answering(() =>
    httpAnswer("302 Found", { Location: `http://127.0.0.1:${elsewhere.port}/` })
  );
  const error = await refusalOf({ url: server.url, headers: TOKEN });
  assert.equal(error.code, "redirected");
  assert.equal(elsewhere.count, 0);
});

Deno.test("dialWebSocket follows a redirect on the same host with its headers", async () => {
  await using server = new CannedServer(async (conn) => {
    const text = new TextDecoder().decode(await readSome(conn));
    if (text.startsWith("GET / ")) {
      return await writeText(conn, httpAnswer("307 Temporary Redirect", { Location: "/b?c" }));
    }
    const accept = await acceptFor(/Sec-WebSocket-Key: (\S+)/.exec(text)?.[1] ?? "");
    assert.match(text, /^GET \/b\?c HTTP\/1\.1\r\n/);
    assert.match(text, /Authorization: Bearer hunter2hunter2\r\n/);
    await writeText(
      conn,
      `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n\x82\x02ok`,
    );
  });
  using stream = await dialWebSocket({ url: server.url, headers: TOKEN });
  assert.equal(new TextDecoder().decode((await stream.read()) ?? undefined), "ok");
});

Deno.test("dialWebSocket gives up on redirects in a circle", async () => {
  await using server = CannedServer.answering((_, index) => httpAnswer("302 Found", { Location: `/${index}` }));
  const error = await refusalOf({ url: server.url });
  assert.equal(error.code, "redirected");
  assert.equal(server.count, 6);
  assert.equal(error.message, `${server.url}4 redirects in a circle: 5 times so far`);
});
