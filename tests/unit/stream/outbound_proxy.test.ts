import assert from "node:assert/strict";
import { AppError } from "../../../src/base/errors.ts";
import { chooseOutboundProxy, type OutboundTarget } from "../../../src/stream/outbound_proxy.ts";

const WSS: OutboundTarget = { protocol: "wss:", hostname: "jobs.example", port: 443 };
const WS: OutboundTarget = { protocol: "ws:", hostname: "jobs.example", port: 80 };
const HTTP = { HTTPS_PROXY: "http://p:1" };

Deno.test("chooseOutboundProxy takes HTTPS_PROXY for wss, HTTP_PROXY for ws, else ALL_PROXY; lower case first", () => {
  const env = { HTTPS_PROXY: "http://s:1", HTTP_PROXY: "http://h:2", ALL_PROXY: "socks5://a:3" };
  assert.equal(chooseOutboundProxy(WSS, env)?.hostname, "s");
  assert.equal(chooseOutboundProxy(WS, env)?.hostname, "h");
  assert.equal(chooseOutboundProxy(WSS, { ...env, https_proxy: "http://lower:1" })?.hostname, "lower");
  assert.equal(chooseOutboundProxy(WS, { ALL_PROXY: env.ALL_PROXY })?.hostname, "a");
  assert.equal(chooseOutboundProxy(WSS, { HTTPS_PROXY: "", ALL_PROXY: env.ALL_PROXY })?.hostname, "a");
  assert.equal(chooseOutboundProxy(WSS, {}), undefined);
  assert.equal(chooseOutboundProxy(WSS, { HTTP_PROXY: env.HTTP_PROXY }), undefined);
});

Deno.test("chooseOutboundProxy takes HTTPS_PROXY for ws where nothing else is set", () => {
  assert.equal(chooseOutboundProxy(WS, { HTTPS_PROXY: "http://s:1" })?.hostname, "s");
  assert.equal(chooseOutboundProxy(WS, { HTTPS_PROXY: "http://s:1", ALL_PROXY: "socks5://a:3" })?.hostname, "a");
});

Deno.test("chooseOutboundProxy reads schemes, ports, credentials and IPv6", () => {
  const read = (value: string) => chooseOutboundProxy(WSS, { https_proxy: value });
  const variable = "https_proxy";
  assert.deepEqual(read("http://p.corp"), { kind: "http", hostname: "p.corp", port: 80, variable });
  assert.deepEqual(read("p.corp:3128"), { kind: "http", hostname: "p.corp", port: 3128, variable });
  assert.deepEqual(read("socks5://p.corp"), { kind: "socks5", hostname: "p.corp", port: 1080, variable });
  assert.deepEqual(read("SOCKS5H://[2001:db8::1]:80/"), {
    kind: "socks5",
    hostname: "2001:db8::1",
    port: 80,
    variable,
  });
  assert.deepEqual(read("http://me:p%40ss%3A@p:8080"), {
    kind: "http",
    hostname: "p",
    port: 8080,
    variable,
    credentials: { username: "me", password: "p@ss:" },
  });
});

Deno.test("chooseOutboundProxy refuses what is no proxy and never shows it", () => {
  for (const value of ["https://user:hunter2@p:1", "ftp://hunter2@p", "http://hunter2:%ff@p", "http://a b@hunter2:x"]) {
    assert.throws(() => chooseOutboundProxy(WSS, { HTTPS_PROXY: value }), (error: unknown) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "config_invalid");
      assert.match(error.message, /^Cannot use the proxy of HTTPS_PROXY: /);
      assert.doesNotMatch(JSON.stringify(error), /hunter2/);
      return true;
    });
  }
});

const EXCLUDED: [noProxy: string, hostname: string, isExcluded: boolean][] = [
  ["*", "jobs.example", true],
  ["jobs.example", "jobs.example", true],
  ["JOBS.example", "jobs.EXAMPLE", true],
  ["example", "jobs.example", true],
  [".example", "jobs.example", true],
  ["*.example", "jobs.example", true],
  ["bs.example", "jobs.example", false],
  ["a, b jobs.example", "jobs.example", true],
  ["jobs.example:443", "jobs.example", true],
  ["jobs.example:80", "jobs.example", false],
  ["10.0.0.0/8", "10.200.3.4", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["192.168.1.5", "192.168.1.5", true],
  ["1.5", "192.168.1.5", false],
  ["0.0.0.0/0", "8.8.8.8", true],
  ["[2001:db8::1]", "2001:db8::1", true],
  ["2001:db8::1", "2001:db8::1", true],
  ["[2001:db8::1]:443", "2001:db8::1", true],
  ["", "jobs.example", false],
  [",,", "jobs.example", false],
];
for (const [noProxy, hostname, isExcluded] of EXCLUDED) {
  Deno.test(`chooseOutboundProxy with NO_PROXY ${JSON.stringify(noProxy)} ${isExcluded ? "leaves out" : "keeps"} ${hostname}`, () => {
    const proxy = chooseOutboundProxy({ ...WSS, hostname }, { ...HTTP, NO_PROXY: noProxy });
    assert.equal(proxy === undefined, isExcluded);
  });
}

Deno.test("chooseOutboundProxy sends loopback through a proxy on loopback alone", () => {
  for (const hostname of ["127.0.0.1", "localhost", "::1", "127.9.9.9"]) {
    assert.equal(chooseOutboundProxy({ ...WSS, hostname }, HTTP), undefined);
    assert.equal(chooseOutboundProxy({ ...WSS, hostname }, { HTTPS_PROXY: "http://127.0.0.1:1" })?.port, 1);
  }
});
