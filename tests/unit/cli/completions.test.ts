import assert from "node:assert/strict";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { renderCompletions } from "../../../src/cli/completions.ts";
import { hasProgram } from "../../support/programs.ts";

const commands = await Promise.all(COMMANDS.map((entry) => entry.load()));

Deno.test("every command's file defines the command that its entry in the table names", () => {
  for (const [index, { name, summary }] of COMMANDS.entries()) {
    assert.deepEqual([commands[index]?.name, commands[index]?.summary], [name, summary]);
  }
});

Deno.test({
  name: "renderCompletions makes bash complete commands, members of groups and flags (needs bash)",
  ignore: !hasProgram("bash"),
  async fn() {
    const script = renderCompletions("bash", commands);
    const complete = async (...typed: string[]) => {
      const words = ["porthole", ...typed].map((word) => `'${word}'`).join(" ");
      const { stdout, success } = await new Deno.Command("bash", {
        args: [
          "-c",
          `${script}\nporthole() { :; }\nCOMP_WORDS=(${words}); COMP_CWORD=${typed.length}; _porthole; echo "\${COMPREPLY[@]}"`,
        ],
      }).output();
      assert.ok(success);
      return new TextDecoder().decode(stdout).trim();
    };
    assert.equal(await complete("laun"), "launch");
    assert.equal(await complete("keys", "en"), "ensure");
    assert.equal(await complete("connect", "--write"), "--write-config");
    assert.equal(await complete("keys", "show", "--pub"), "--public");
  },
});
