import assert from "node:assert/strict";
import { PORTHOLE, runAt } from "../support/porthole.ts";
import { makeTempHome } from "../support/temp_home.ts";

Deno.test("help COMMAND is COMMAND --help", async () => {
  await using home = await makeTempHome();
  for (const command of [["connect"], ["keys", "show"], ["keys"]]) {
    const [asked, flag] = await Promise.all([
      runAt(home, [...PORTHOLE, "help", ...command]),
      runAt(home, [...PORTHOLE, ...command, "--help"]),
    ]);
    assert.deepEqual([asked.code, asked.stdout], [0, flag.stdout]);
  }
});
