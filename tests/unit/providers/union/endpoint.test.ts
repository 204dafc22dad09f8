import assert from "node:assert/strict";
import { AppError } from "../../../../src/base/errors.ts";
import { mayCarryCredentials, normalizeEndpoint, routeUrl } from "../../../../src/providers/union/endpoint.ts";

Deno.test("normalizeEndpoint takes the ways in which an endpoint is written", () => {
  const cases = {
    "dns:///demo.hosted.unionai.cloud": "https://demo.hosted.unionai.cloud",
    "dns:///demo.example.com:8089": "https://demo.example.com:8089",
    "dns://8.8.8.8/demo.example.com": "https://demo.example.com",
    "demo.example.com": "https://demo.example.com",
    "demo.example.com:8443": "https://demo.example.com:8443",
    "https://demo.example.com/": "https://demo.example.com",
    "https://demo.example.com:443": "https://demo.example.com",
    "http://localhost:8090": "http://localhost:8090",
    " demo.example.com ": "https://demo.example.com",
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(normalizeEndpoint(text), expected, text);
});

Deno.test("normalizeEndpoint makes plain HTTP of an insecure endpoint", () => {
  assert.equal(normalizeEndpoint("dns:///localhost:8090", { insecure: true }), "http://localhost:8090");
  assert.equal(normalizeEndpoint("localhost:8090", { insecure: true }), "http://localhost:8090");
});

Deno.test("normalizeEndpoint refuses another scheme, no host, and credentials", () => {
  for (const text of ["ftp://host", "grpc://host:443", "", "dns:///", "https://", "https://me:sekrit@host"]) {
    assert.throws(
      () => normalizeEndpoint(text),
      (error) => error instanceof AppError && error.code === "config_invalid" && !error.message.includes("sekrit"),
      text,
    );
  }
});

Deno.test("routeUrl joins a relative link and keeps port, query and the last slash", () => {
  const uri = "/dataplane/pod/v1/x/6060/task/p/d/n/";
  assert.equal(routeUrl("https://demo.example.com", uri), `wss://demo.example.com${uri}`);
  assert.equal(routeUrl("https://demo.example.com:8443", uri), `wss://demo.example.com:8443${uri}`);
  assert.equal(routeUrl("http://127.0.0.1:30080", uri), `ws://127.0.0.1:30080${uri}`);
  assert.equal(routeUrl("https://demo.example.com", "dataplane/x"), "wss://demo.example.com/dataplane/x");
  assert.equal(routeUrl("https://demo.example.com/base", "/x/?a=b#c"), "wss://demo.example.com/x/?a=b");
});

Deno.test("routeUrl takes an absolute link as it is", () => {
  assert.equal(routeUrl("https://a.example.com", "https://b.example.com:444/x/"), "wss://b.example.com:444/x/");
  assert.equal(routeUrl("https://a.example.com", "wss://b.example.com/x"), "wss://b.example.com/x");
  assert.equal(routeUrl("https://a.example.com", "http://b.example.com/x"), "ws://b.example.com/x");
  assert.equal(routeUrl("https://a.example.com", "//b.example.com/x"), "wss://b.example.com/x");
  assert.throws(() => routeUrl("https://a.example.com", "ftp://b/x"), { code: "provider_failed" });
});

Deno.test("mayCarryCredentials is true for TLS and this machine alone", () => {
  for (const url of ["https://a.example.com", "wss://a", "http://localhost:1", "ws://127.0.0.9/x", "http://[::1]:2"]) {
    assert.equal(mayCarryCredentials(url), true, url);
  }
  for (const url of ["http://a.example.com", "ws://10.0.0.1", "http://127.0.0.1.example.com"]) {
    assert.equal(mayCarryCredentials(url), false, url);
  }
});
