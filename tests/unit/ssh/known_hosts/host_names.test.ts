import assert from "node:assert/strict";
import {
  assertPlainName,
  knownHostName,
  matchesHosts,
  matchesPattern,
} from "../../../../src/ssh/known_hosts/host_names.ts";
import { hashHostName } from "../../../../src/ssh/known_hosts/hashed_name.ts";

Deno.test("knownHostName puts the host in brackets only for another port than 22", () => {
  assert.equal(knownHostName("Web1.Example.COM"), "web1.example.com");
  assert.equal(knownHostName("web1", 22), "web1");
  assert.equal(knownHostName("::1", 2222), "[::1]:2222");
});

for (
  const [hosts, name, isMatch] of [
    ["web1", "web1", true],
    ["WEB1,10.0.0.1", "10.0.0.1", true],
    ["*.example.com,!bad.example.com", "good.example.com", true],
    ["*.example.com,!bad.example.com", "bad.example.com", false],
    ["!bad.example.com,*.example.com", "bad.example.com", false],
    ["!other", "web1", false],
    ["web?", "web1", true],
    ["web?", "web10", false],
    ["[web1]:2222", "[web1]:2222", true],
    ["[web1]:2222", "web1", false],
    ["[*]:2222", "[web1]:2222", true],
    ["*", "anything", true],
    ["web", "web1", false],
    ["|1|AQEBAQEBAQEBAQEBAQEBAQEBAQE=|AAAA", "web1", false],
    ["|1||", "", false],
    ["|2|AQEB|AQEB", "web1", false],
  ] as const
) {
  Deno.test(`matchesHosts ${JSON.stringify(hosts)} ${isMatch ? "means" : "does not mean"} ${JSON.stringify(name)}`, () => {
    assert.equal(matchesHosts(hosts, name), isMatch);
  });
}

Deno.test("matchesHosts knows a name that hashHostName hid, and no other", () => {
  const hosts = hashHostName("[web1]:2222");
  assert.match(hosts, /^\|1\|[A-Za-z0-9+/]{27}=\|[A-Za-z0-9+/]{27}=$/);
  assert.equal(matchesHosts(hosts, "[web1]:2222"), true);
  assert.equal(matchesHosts(hosts, "web1"), false);
  assert.notEqual(hashHostName("[web1]:2222"), hosts);
});

Deno.test("matchesPattern takes no longer than the product of both lengths", () => {
  assert.equal(matchesPattern(`${"*a".repeat(500)}b`, "a".repeat(5000)), false);
  assert.equal(matchesPattern("*a*b*", "xxaxxbxx"), true);
  assert.equal(matchesPattern("", ""), true);
  assert.equal(matchesPattern("**", ""), true);
});

for (const name of ["", "a b", "a,b", "*", "!a", "a\nb", "|1|a|b", "#a", "@revoked"]) {
  Deno.test(`assertPlainName rejects ${JSON.stringify(name)}`, () => {
    assert.throws(() => assertPlainName(name), { code: "config_invalid" });
  });
}
