import assert from "node:assert/strict";
import type { TargetRecord } from "../../../src/targets/target.ts";
import { listTargets, loadTarget, removeTarget, saveTarget, validateAlias } from "../../../src/targets/target_store.ts";

const RECORD: TargetRecord = {
  version: 1,
  alias: "train",
  provider: "union",
  runName: "r1",
  actionName: "a0",
  attempt: 2,
  route: { kind: "websocket", url: "wss://host/x/", headersFile: "/h" },
  user: "root",
  identityFile: "/k",
  hostKeyAlias: "porthole-union-r1-a0-2",
  hostKeyCheck: "accept-new",
  createdAt: "2026-01-01T00:00:00Z",
  credential: { provider: "union", config: "/c" },
};

async function withHome(fn: (env: { PORTHOLE_HOME: string }) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    await fn({ PORTHOLE_HOME: home });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("a target comes back from its file as it went in, and is listed and removed by its alias", () =>
  withHome(async (env) => {
    await saveTarget(env, RECORD);
    assert.deepEqual(await loadTarget(env, "train"), RECORD);
    assert.deepEqual((await listTargets(env)).map(({ alias }) => alias), ["train"]);
    assert.equal(await removeTarget(env, "train"), true);
    assert.equal(await removeTarget(env, "train"), false);
    assert.deepEqual(await listTargets(env), []);
  }));

Deno.test("loadTarget names a target that is not there, and a field that is wrong", () =>
  withHome(async (env) => {
    await assert.rejects(loadTarget(env, "train"), {
      code: "not_found",
      message: 'Cannot find a target named "train"',
    });
    await saveTarget(env, { ...RECORD, user: "" });
    await assert.rejects(loadTarget(env, "train"), { code: "config_invalid", message: /user must be a string$/ });
    await Deno.writeTextFile(`${env.PORTHOLE_HOME}/targets/train.json`, "{", { mode: 0o600 });
    await assert.rejects(loadTarget(env, "train"), { code: "config_invalid", message: /it is not JSON$/ });
  }));

Deno.test("validateAlias refuses what could be a flag, a path or a pattern", () => {
  for (const alias of ["-oProxyCommand=x", "", "../x", "a/b", "a b", "a\nb", "*", "a%h", "ü", "x".repeat(64), "."]) {
    assert.throws(() => validateAlias(alias), { code: "usage" }, alias);
  }
  for (const alias of ["a", "my-run.2_b", "0", "x".repeat(63)]) assert.equal(validateAlias(alias), alias);
});

Deno.test("a target is found in whatever case ssh gives its name, and two that differ in case alone are refused", () =>
  withHome(async (env) => {
    await saveTarget(env, { ...RECORD, alias: "Train" });
    assert.equal((await loadTarget(env, "train")).alias, "Train");
    assert.deepEqual((await listTargets(env)).map(({ alias }) => alias), ["Train"]);
    await assert.rejects(saveTarget(env, RECORD), {
      code: "already_exists",
      message: 'Cannot name a target "train": there is "Train", the same to ssh',
    });
    await saveTarget(env, { ...RECORD, alias: "Train", user: "me" });
    assert.equal((await loadTarget(env, "TRAIN")).user, "me");
  }));
