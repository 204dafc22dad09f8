import assert from "node:assert/strict";
import { AppError } from "../../src/base/errors.ts";
import { dialRoute } from "../../src/stream/dial_route.ts";
import { headerValue } from "../../src/stream/http_head.ts";
import { makeCertificates } from "../support/websocket_certificates.ts";
import { CannedServer, httpAnswer } from "../support/websocket_canned.ts";
import { echo, WebSocketListener } from "../support/websocket_listener.ts";
import { httpProxy, socksProxy } from "../support/websocket_outbound.ts";
import { hasProgram } from "../support/programs.ts";
import { readAll } from "../support/websocket_transport.ts";

const CREDENTIALS = { username: "me", password: "p@ss:hunter2" };
const USERINFO = "me:p%40ss%3Ahunter2@";

async function roundTrip(url: string, env: Record<string, string>, caFile?: string): Promise<void> {
  using stream = await dialRoute({ kind: "websocket", url, ...(caFile ? { caFile } : {}) }, { env });
  await stream.write(new TextEncoder().encode("hello"));
  await stream.closeWrite();
  assert.equal(new TextDecoder().decode(await readAll(stream)), "hello");
}

async function refusalOf(url: string, env: Record<string, string>): Promise<AppError> {
  try {
    await roundTrip(url, env);
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    assert.doesNotMatch(JSON.stringify(error), /hunter2/);
    return error;
  }
  assert.fail("connected");
}

Deno.test("ws goes through an HTTP proxy by CONNECT, with Basic auth from HTTP_PROXY", async () => {
  await using server = new WebSocketListener(echo);
  await using proxy = httpProxy({ places: { "jobs.example:80": server.port }, credentials: CREDENTIALS });
  await roundTrip("ws://jobs.example/", { HTTP_PROXY: `http://${USERINFO}127.0.0.1:${proxy.port}` });
  assert.equal(proxy.seen[0]?.startLine, "CONNECT jobs.example:80 HTTP/1.1");
  const [request] = server.requests;
  assert.equal(request && headerValue(request, "proxy-authorization"), undefined);
  assert.equal(request && headerValue(request, "host"), "jobs.example");
});

Deno.test("ws goes through a SOCKS5 proxy that resolves the name, with user name and password from ALL_PROXY", async () => {
  await using server = new WebSocketListener(echo);
  await using proxy = socksProxy({ places: { "jobs.example:81": server.port }, credentials: CREDENTIALS });
  await roundTrip("ws://jobs.example:81/", { ALL_PROXY: `socks5h://${USERINFO}127.0.0.1:${proxy.port}` });
  assert.deepEqual(proxy.seen, ["jobs.example:81"]);
});

Deno.test("ws goes through a SOCKS5 proxy without credentials, by IPv4 and IPv6 address too", async () => {
  await using server = new WebSocketListener(echo);
  const bytes = "32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1";
  await using proxy = socksProxy({ places: { "192.0.2.7:80": server.port, [`${bytes}:80`]: server.port } });
  const env = { all_proxy: `socks5://127.0.0.1:${proxy.port}` };
  await roundTrip("ws://192.0.2.7/", env);
  await roundTrip("ws://[2001:db8::1]/", env);
  assert.deepEqual(proxy.seen, ["192.0.2.7:80", `${bytes}:80`]);
});

Deno.test("NO_PROXY keeps a host off the proxy", async () => {
  await using server = new WebSocketListener(echo);
  const env = { HTTP_PROXY: "http://127.0.0.1:1", NO_PROXY: "127.0.0.1" };
  await roundTrip(server.url, env);
});

Deno.test("a route that is direct goes through no proxy", async () => {
  await using server = new WebSocketListener(echo);
  using stream = await dialRoute({ kind: "websocket", url: server.url, isDirect: true }, {
    env: { HTTP_PROXY: "http://127.0.0.1:1" },
  });
  await stream.closeWrite();
});

Deno.test("an HTTP proxy that wants credentials is told apart, with none and with wrong ones", async () => {
  await using proxy = httpProxy({ places: {}, credentials: CREDENTIALS });
  const place = `127.0.0.1:${proxy.port}`;
  const none = await refusalOf("ws://jobs.example/", { HTTP_PROXY: `http://${place}` });
  assert.equal(none.code, "auth_denied");
  assert.equal(none.message, `The proxy ${place} wants credentials: it answered 407 Proxy Authentication Required`);
  assert.equal(none.hint, "Put USER:PASSWORD@ before the host in HTTP_PROXY");
  const wrong = await refusalOf("ws://jobs.example/", { HTTP_PROXY: `http://me:hunter2@${place}` });
  assert.equal(
    wrong.hint,
    "It refused those of HTTP_PROXY: check user name and password (it offers Basic; porthole speaks Basic)",
  );
});

Deno.test("a SOCKS5 proxy that wants credentials is told apart, with none and with wrong ones", async () => {
  await using proxy = socksProxy({ places: {}, credentials: CREDENTIALS });
  const place = `127.0.0.1:${proxy.port}`;
  const none = await refusalOf("ws://jobs.example/", { ALL_PROXY: `socks5://${place}` });
  assert.equal(none.code, "auth_denied");
  assert.equal(none.message, `The proxy ${place} wants credentials`);
  assert.equal(none.hint, "Put USER:PASSWORD@ before the host in ALL_PROXY");
  const wrong = await refusalOf("ws://jobs.example/", { ALL_PROXY: `socks5://me:hunter2@${place}` });
  assert.equal(wrong.message, `The proxy ${place} refused the user name and password of ALL_PROXY`);
});

Deno.test("a proxy that refuses the target names it", async () => {
  await using http = httpProxy({ places: {} });
  const first = await refusalOf("ws://jobs.example/", { HTTP_PROXY: `http://127.0.0.1:${http.port}` });
  assert.equal(first.code, "dial_failed");
  assert.equal(
    first.message,
    `The proxy 127.0.0.1:${http.port} does not connect to jobs.example:80: it answered 403 Forbidden`,
  );
  await using socks = socksProxy({ places: {} });
  const second = await refusalOf("ws://jobs.example/", { ALL_PROXY: `socks5://127.0.0.1:${socks.port}` });
  assert.equal(
    second.message,
    `The proxy 127.0.0.1:${socks.port} does not connect to jobs.example:80: connection refused`,
  );
});

Deno.test("what is no proxy at all is told, for CONNECT and SOCKS5", async () => {
  await using ssh = new CannedServer(async (conn) => void await conn.write(new TextEncoder().encode("SSH-2.0-x\r\n")));
  const connect = await refusalOf("ws://jobs.example/", { HTTP_PROXY: `http://127.0.0.1:${ssh.port}` });
  assert.equal(
    connect.message,
    `The proxy 127.0.0.1:${ssh.port} is none: Expected an HTTP answer, got "SSH-2.0-x"`,
  );
  await using http = CannedServer.answering(() => httpAnswer("400 Bad Request"));
  await using silent = new CannedServer(async (conn) => void await conn.read(new Uint8Array(100)));
  const socks = await refusalOf("ws://jobs.example/", { ALL_PROXY: `socks5://127.0.0.1:${silent.port}` });
  assert.match(socks.message, /closed the connection in the middle of the SOCKS5 handshake$/);
  const refused = await refusalOf("ws://jobs.example/", { HTTP_PROXY: `http://127.0.0.1:${http.port}` });
  assert.match(refused.message, /it answered 400 Bad Request$/);
});

const needsOpenssl = { ignore: !hasProgram("openssl") };

Deno.test("wss: own CA, CONNECT and SOCKS5, and each failure told apart (needs openssl)", needsOpenssl, async (t) => {
  await using certificates = await makeCertificates();
  const { caFile } = certificates;
  await using server = new WebSocketListener(echo, { tls: certificates.good });
  const url = `wss://127.0.0.1:${server.port}/`;
  const failure = async (from: string, env: Record<string, string> = {}) => {
    const error = await refusalOf(from, env);
    return { code: error.code, reason: error.details?.reason, message: error.message, hint: error.hint };
  };

  await t.step("--ca-file and SSL_CERT_FILE each make the certificate known", async () => {
    await roundTrip(url, {}, caFile);
    await roundTrip(url, { SSL_CERT_FILE: caFile });
  });
  await t.step("unknown CA", async () => {
    assert.deepEqual(await failure(url), {
      code: "tls_failed",
      reason: "unknown_ca",
      message: 'The certificate of "127.0.0.1" is signed by nobody that this machine trusts',
      hint: "If your network has its own CA, give its certificate with --ca-file FILE or SSL_CERT_FILE",
    });
  });
  await t.step("through CONNECT and SOCKS5 the name is the target's", async () => {
    const places = { "jobs.example:443": server.port };
    await using http = httpProxy({ places, credentials: CREDENTIALS });
    const httpsProxy = `http://${USERINFO}127.0.0.1:${http.port}`;
    await roundTrip("wss://jobs.example/", { HTTPS_PROXY: httpsProxy }, caFile);
    await using socks = socksProxy({ places });
    await roundTrip("wss://jobs.example/", { ALL_PROXY: `socks5://127.0.0.1:${socks.port}`, SSL_CERT_FILE: caFile });
    const wrong = await failure("wss://jobs.example/", { HTTPS_PROXY: httpsProxy });
    assert.equal(wrong.reason, "unknown_ca");
    assert.match(wrong.message, /"jobs.example"/);
  });
  await t.step("another host's certificate", async () => {
    await using other = new WebSocketListener(echo, { tls: certificates.otherHost });
    const found = await failure(`wss://127.0.0.1:${other.port}/`, { SSL_CERT_FILE: caFile });
    assert.equal(found.reason, "wrong_host", found.message);
    assert.equal(found.message, 'The certificate of "127.0.0.1" is for another host: "elsewhere.example"');
  });
  await t.step("expired", async () => {
    await using expired = new WebSocketListener(echo, { tls: certificates.expired });
    const found = await failure(`wss://127.0.0.1:${expired.port}/`, { SSL_CERT_FILE: caFile });
    assert.equal(found.reason, "expired", found.message);
    assert.equal(found.message, 'The certificate of "127.0.0.1" has expired');
  });
  await t.step("an authority's certificate as the server's own, as openssl req -x509 makes it", async () => {
    const key = await Deno.readTextFile(`${certificates.folder}/ca.key`);
    await using self = new WebSocketListener(echo, { tls: { cert: certificates.ca, key } });
    const found = await failure(`wss://127.0.0.1:${self.port}/`, { SSL_CERT_FILE: caFile });
    assert.equal(found.reason, "unknown_ca", found.message);
    assert.match(found.message, /is that of an authority, which cannot be a server's own, trusted or not$/);
  });
  await t.step("a port that hangs up", async () => {
    await using silent = new CannedServer(async (conn) => void await conn.read(new Uint8Array(10_000)));
    const found = await failure(`wss://127.0.0.1:${silent.port}/`);
    assert.equal(found.reason, "not_tls", found.message);
  });
  await t.step("a port that speaks no TLS", async () => {
    await using http = new CannedServer(async (conn) => {
      await conn.read(new Uint8Array(10));
      await conn.write(new TextEncoder().encode(httpAnswer("400 Bad Request")));
    });
    const found = await failure(`wss://127.0.0.1:${http.port}/`);
    assert.equal(found.code, "tls_failed");
    assert.equal(found.reason, "not_tls", found.message);
  });
  await t.step("a CA file that is missing or holds none", async () => {
    const missing = await failure(url, { SSL_CERT_FILE: `${certificates.folder}/none.pem` });
    assert.equal(missing.code, "config_invalid");
    assert.match(missing.message, /^Cannot read SSL_CERT_FILE ".*none\.pem": it does not exist$/);
    const key = await failure(url, { SSL_CERT_FILE: `${certificates.folder}/good.key` });
    assert.match(key.message, /^SSL_CERT_FILE ".*good\.key" holds no certificate in PEM$/);
  });
});
