import assert from "node:assert/strict";
import { findSshDetails } from "../../../../src/providers/valohai/ssh_details.ts";

const event = (message: string, time = "2026-03-01T12:00:00") => ({ stream: "status", time, message });

Deno.test("findSshDetails reads the address and the port, a port as text too", () => {
  assert.deepEqual(findSshDetails([event("Starting"), event('::ssh::{"address": "52.214.159.193", "port": 2222}')]), {
    address: "52.214.159.193",
    port: 2222,
    attempt: 0,
  });
  assert.equal(findSshDetails([event('::ssh::{"address":"h.example.com","port":"2022"}')])?.port, 2022);
});

Deno.test("findSshDetails takes the latest place and counts the ones before", () => {
  const events = [
    event('::ssh::{"address": "10.0.0.2", "port": 2222}', "2026-03-01T13:00:00"),
    event('::ssh::{"address": "10.0.0.1", "port": 2222}', "2026-03-01T12:00:00"),
  ];
  assert.deepEqual(findSshDetails(events), { address: "10.0.0.2", port: 2222, attempt: 1 });
});

for (
  const message of [
    "::ssh::",
    "::ssh::{",
    "::ssh::null",
    '::ssh::{"address": "-oProxyCommand=x", "port": 2222}',
    '::ssh::{"address": "a b", "port": 2222}',
    '::ssh::{"address": "10.0.0.1", "port": 0}',
    '::ssh::{"address": "10.0.0.1", "port": 70000}',
    "SSH connection available at: 10.0.0.1:2222",
  ]
) {
  Deno.test(`findSshDetails ignores ${message}`, () => assert.equal(findSshDetails([event(message)]), undefined));
}
