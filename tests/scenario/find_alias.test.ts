import assert from "node:assert/strict";
import { aliasFinder } from "../../src/providers/find_alias.ts";
import { targetsFolder } from "../../src/targets/target_store.ts";
import { makeTempHome } from "../support/temp_home.ts";

Deno.test("aliasFinder lists the targets once for the many hosts of a call, and looks into no file of another name", async () => {
  await using home = await makeTempHome();
  const env = home.environment();
  await Deno.mkdir(targetsFolder(env), { recursive: true });
  await Deno.writeTextFile(`${targetsFolder(env)}/damaged.json`, "{", { mode: 0o600 });
  const find = aliasFinder(env);
  assert.deepEqual(await Promise.all(["web1", "../damaged", "127.0.0.1", "damaged.json"].map(find)), [
    null,
    null,
    null,
    null,
  ]);
  await assert.rejects(find("damaged"), { code: "config_invalid" });
});

Deno.test("aliasFinder knows no alias where there is no folder of targets", async () => {
  await using home = await makeTempHome();
  assert.equal(await aliasFinder(home.environment())("web1"), null);
});
