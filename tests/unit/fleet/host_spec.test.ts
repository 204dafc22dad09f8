import assert from "node:assert/strict";
import { parseHostSpec } from "../../../src/fleet/host_spec.ts";

const SPECS: Readonly<Record<string, { host: string; user?: string; port?: number }>> = {
  "web1": { host: "web1" },
  "me@web1": { host: "web1", user: "me" },
  "me@corp@web1:2222": { host: "web1", user: "me@corp", port: 2222 },
  "[::1]:22": { host: "::1", port: 22 },
  "[fe80::1%eth0]": { host: "fe80::1%eth0" },
  "::1": { host: "::1" },
  "ssh://me@web1:22/": { host: "web1", user: "me", port: 22 },
};

for (const [name, expected] of Object.entries(SPECS)) {
  Deno.test(`parseHostSpec reads ${name}`, () => assert.deepEqual(parseHostSpec(name), { name, ...expected }));
}

for (const name of ["", "@web", "me@", "-oProxyCommand=x", "me@-x", "a b", "web:", "web:0", "web:99999", "web:ssh"]) {
  Deno.test(`parseHostSpec refuses ${JSON.stringify(name)}`, () => {
    assert.throws(() => parseHostSpec(name), { code: "usage" });
  });
}
