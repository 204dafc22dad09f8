import assert from "node:assert/strict";
import { runToEnd } from "../support/agent_stage.ts";
import { startHostileStage } from "../support/hostile_stage.ts";
import { hasProgram } from "../support/programs.ts";

Deno.test({
  name: "ssh-audit finds no failure, and no Terrapin (needs ssh-audit)",
  ignore: !hasProgram("ssh-audit"),
  fn: async () => {
    await using stage = await startHostileStage();
    const { stdout } = await runToEnd("ssh-audit", ["-n", "-p", String(stage.port), "127.0.0.1"]);
    assert.match(stdout, /\(gen\) software|\(gen\) banner: SSH-2\.0-porthole/);
    assert.match(stdout, /\(kex\) curve25519-sha256/);
    assert.doesNotMatch(stdout, /\[fail\]/, stdout);
    assert.doesNotMatch(stdout, /terrapin|CVE-2023-48795/i, stdout);
  },
});
