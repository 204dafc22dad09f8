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

Deno.test("explainSshEnd takes no failed channel and no statistics for the reason", () => {
  const lines = [
    "channel 5: open failed: connect failed: Connection refused",
    "Transferred: sent 2716, received 3386 bytes, in 1.0 seconds",
    "Bytes per second: sent 2716.8, received 3386.5",
  ];
  assert.equal(explainSshEnd(lines, 255).message, "The connection ended: ssh ended with status 255");
});

Deno.test("explainSshEnd says how to forget a host key whose change is known", () => {
  const { message, hint } = explainSshEnd([
    "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @",
    "Add correct host key in /home/me/.porthole/known_hosts to get rid of this message.",
    "Offending ED25519 key in /home/me/.porthole/known_hosts:7",
    "Host key for porthole-valohai-1-x-0 has changed and you have requested strict checking.",
    "Host key verification failed.",
  ], 255);
  assert.equal(
    message,
    'The host key was refused: it is not the one that "/home/me/.porthole/known_hosts" has for porthole-valohai-1-x-0',
  );
  assert.equal(
    hint,
    "porthole connect again, if the run was restarted. If that is no help, and you know why the key changed: " +
      "ssh-keygen -R porthole-valohai-1-x-0 -f /home/me/.porthole/known_hosts",
  );
});

for (
  const [words, reason] of [
    ["Connection refused", "refused"],
    ["Connection timed out", "timeout"],
    ["No route to host", "unreachable"],
  ] as const
) {
  Deno.test(`explainSshEnd tells a dial's reason by ${JSON.stringify(words)}`, () => {
    const { details } = explainSshEnd([`ssh: connect to host 192.0.2.1 port 22: ${words}`], 255);
    assert.deepEqual(details, { reason });
  });
}

Deno.test("explainSshEnd escapes what a server may have put into a line", () => {
  assert.equal(explainSshEnd(["bye \x1b[2Jnow"], 255).message, "The connection ended: bye \\x1b[2Jnow");
});
