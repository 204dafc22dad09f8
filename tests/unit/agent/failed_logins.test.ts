import assert from "node:assert/strict";
import { clientAddress } from "../../../src/agent/client_address.ts";
import { FailedLogins } from "../../../src/agent/failed_logins.ts";

Deno.test("FailedLogins.add shuts an address out until its first failure is a minute old", () => {
  let now = 0;
  const failures = new FailedLogins({ maxFailures: 3, now: () => now });
  assert.equal(failures.add("a"), false);
  now = 20_000;
  assert.equal(failures.add("a"), false);
  assert.equal(failures.add("a"), true);
  assert.deepEqual([failures.shutOutForMs("a"), failures.shutOutForMs("b")], [40_000, 0]);
  now = 60_000;
  assert.equal(failures.shutOutForMs("a"), 0);
  assert.equal(failures.add("a"), true);
  failures.forget("a");
  assert.equal(failures.shutOutForMs("a"), 0);
});

Deno.test("FailedLogins without a limit shuts nobody out, and with one does not grow without end", () => {
  const none = new FailedLogins({ maxFailures: 0 });
  for (let i = 0; i < 1000; i++) assert.equal(none.add("a"), false);
  const one = new FailedLogins({ maxFailures: 1 });
  for (let i = 0; i <= 10_000; i++) one.add(String(i));
  assert.equal(one.shutOutForMs("0"), 0);
  assert.ok(one.shutOutForMs("1") > 0);
});

Deno.test("clientAddress trusts the entry of the nearest ingress alone, and tells nobody apart behind an unnamed one", () => {
  const head = (name: string, ...values: string[]) => ({ startLine: "", headers: new Map([[name, values]]) });
  const at = { hostname: "10.0.0.1" };
  assert.equal(clientAddress(undefined, at), "10.0.0.1");
  assert.equal(clientAddress(head("host", "x"), at), "10.0.0.1");
  assert.equal(clientAddress(head("x-forwarded-for", "6.6.6.6"), at), undefined);
  const named = { ...at, header: "X-Forwarded-For" };
  assert.equal(clientAddress(head("x-forwarded-for", "6.6.6.6, 7.7.7.7"), named), "7.7.7.7");
  assert.equal(clientAddress(head("x-forwarded-for", "6.6.6.6", "8.8.8.8"), named), "8.8.8.8");
  assert.equal(clientAddress(head("host", "x"), named), "10.0.0.1");
});
