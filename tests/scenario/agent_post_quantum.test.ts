import assert from "node:assert/strict";
import { MLKEM768_X25519 } from "../../src/ssh/kex/mlkem768_x25519.ts";
import { makeAgentStage, runToEnd } from "../support/agent_stage.ts";
import { sshWithKex } from "../support/programs.ts";

const SSH = sshWithKex(MLKEM768_X25519);
const MIB = 1024 * 1024;

Deno.test({
  name: `ssh agrees on ${MLKEM768_X25519}, and on new keys as it goes (needs OpenSSH 9.9)`,
  ignore: SSH === null,
  fn: async () => {
    await using stage = await makeAgentStage();
    const rekeying = ["-v", "-o", "RekeyLimit=1M", "-o", "LogLevel=DEBUG1"];
    const input = crypto.getRandomValues(new Uint8Array(65_536));
    const stdin = new Uint8Array(8 * MIB);
    for (let at = 0; at < stdin.length; at += input.length) stdin.set(input, at);
    const args = [...stage.sshArgs, ...rekeying, "x@127.0.0.1", "cat | cksum; exit 7"];
    const { code, stdout, stderr } = await runToEnd(SSH ?? "", args, { stdin });
    const exchanges = stderr.match(new RegExp(`kex: algorithm: ${MLKEM768_X25519}`, "g")) ?? [];
    assert.ok(exchanges.length > 4, `${exchanges.length} exchanges`);
    const { stdout: expected } = await runToEnd("cksum", [], { stdin });
    assert.deepEqual([code, stdout], [7, expected]);
  },
});
