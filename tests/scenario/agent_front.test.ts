import assert from "node:assert/strict";
import { VERSION } from "../../src/base/version.ts";
import { type AgentStage, makeAgentStage } from "../support/agent_stage.ts";

async function talk(port: number, request: string | Uint8Array): Promise<string> {
  const conn = await Deno.connect({ port });
  const answer = new Response(conn.readable).text();
  const writer = conn.writable.getWriter();
  await writer.write(typeof request === "string" ? new TextEncoder().encode(request) : request);
  writer.releaseLock();
  return await answer;
}

const OK = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

Deno.test("plain HTTP of any method and path is answered ok and closed", async () => {
  await using stage = await makeAgentStage();
  assert.equal(await talk(stage.port, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), OK);
  assert.equal(await talk(stage.port, "POST /any/path?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"), OK);
  assert.equal(await talk(stage.port, "BREW / HTTP/1.0\r\n\r\n"), OK);
});

Deno.test("/.well-known/porthole tells who is here, also where an ingress changed the path", async () => {
  await using stage = await makeAgentStage({ run: "r1", action: "a0", account: { name: "worker" } });
  const expected = {
    protocol: 1,
    version: VERSION,
    run: "r1",
    action: "a0",
    user: "worker",
    hostKeys: [stage.hostKey.publicKey],
  };
  for (const path of [".well-known/porthole", "prefix/.well-known/porthole"]) {
    assert.deepEqual(await (await fetch(`http://127.0.0.1:${stage.port}/${path}`)).json(), expected);
  }
  const headers = { accept: "application/vnd.porthole+json" };
  assert.deepEqual(await (await fetch(`http://127.0.0.1:${stage.port}/`, { headers })).json(), expected);
});

Deno.test("an upgrade without a key is answered 400, and one with it brings SSH's greeting", async () => {
  await using stage = await makeAgentStage();
  const upgrade = "GET /any HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  assert.equal(await talk(stage.port, `${upgrade}\r\n`), "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  const conn = await Deno.connect({ port: stage.port });
  await conn.write(new TextEncoder().encode(`${upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`));
  const greeting = await readUntil(conn, `SSH-2.0-porthole_${VERSION}\r\n`);
  assert.match(greeting, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  assert.match(greeting, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  conn.close();
});

Deno.test("garbage, endless heads and silence end without an answer, and others are served meanwhile", async () => {
  await using stage = await makeAgentStage({ headTimeoutMs: 200 });
  assert.equal(await talk(stage.port, "GET / HTTP/1.1\r\n" + "X: y\r\n".repeat(20_000)).catch(() => ""), "");
  const silent = talk(stage.port, "GET / HT");
  assert.equal(await talk(stage.port, "GET / HTTP/1.1\r\n\r\n"), OK);
  assert.equal(await silent, "");
});

Deno.test("no more clients than allowed may hang about without logging in: a newcomer takes the first one's place", async () => {
  await using stage = await makeAgentStage({ limits: { maxUnauthenticated: 2, loginTimeoutMs: 300 } });
  const idle = [await greet(stage), await greet(stage)];
  assert.equal(await talk(stage.port, "GET / HTTP/1.1\r\n\r\n"), OK);
  assert.match(await readUntil(idle[0], null), /too many connections that have not logged in/);
  assert.match(stage.notices.join("\n"), /2 connections have not logged in: .*\(--max-unauthenticated\)/);
  // The other one stays until its time is over.
  assert.match(await readUntil(idle[1], null), /no log-in within 300ms/);
  for (const conn of idle) conn.close();
});

/** A client that says what it is and no more. */
async function greet({ port }: AgentStage): Promise<Deno.Conn> {
  const conn = await Deno.connect({ port });
  await conn.write(new TextEncoder().encode("SSH-2.0-idle\r\n"));
  await readUntil(conn, "SSH-2.0-porthole");
  return conn;
}

/** What was read until `text` came, or with null until the end. */
async function readUntil(conn: Deno.Conn | undefined, text: string | null): Promise<string> {
  const buffer = new Uint8Array(4096);
  let read = "";
  while (text === null || !read.includes(text)) {
    const count = await conn?.read(buffer) ?? null;
    if (count === null) return read;
    read += new TextDecoder("latin1").decode(buffer.subarray(0, count));
  }
  return read;
}
