import assert from "node:assert/strict";
import { explainSshEnd } from "../../../src/targets/forward_ssh_end.ts";

const CASES = [
  { lines: ["root@127.0.0.1: Permission denied (publickey)."], code: "auth_denied" },
  { lines: ["@@@@@", "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @"], code: "host_key_mismatch" },
  { lines: ["Host key verification failed."], code: "host_key_mismatch" },
  { lines: ["bind [127.0.0.1]:6006: Address already in use"], code: "already_exists" },
  { lines: ["ssh: connect to host 127.0.0.1 port 1: Connection refused"], code: "dial_failed" },
  { lines: ["client_loop: send disconnect: Broken pipe"], code: "tunnel_closed" },
  { lines: [], code: "tunnel_closed" },
] as const;

for (const { lines, code } of CASES) {
  Deno.test(`explainSshEnd tells ${code} by ${JSON.stringify(lines.at(-1) ?? "nothing")}`, () => {
    assert.equal(explainSshEnd(lines, 255).code, code);
  });
}

Deno.test("explainSshEnd prefers what the proxy said to what ssh saw of it", () => {
  const { message } = explainSshEnd([
    "porthole: Cannot dial the route: 503",
    "kex_exchange_identification: Connection closed by remote host",
    "Connection closed by UNKNOWN port 65535",
  ], 255);
  assert.equal(message, "The connection ended: porthole: Cannot dial the route: 503");
});

Deno.test("explainSshEnd escapes what a server may have put into a line", () => {
  assert.equal(explainSshEnd(["bye \x1b[2Jnow"], 255).message, "The connection ended: bye \\x1b[2Jnow");
});
