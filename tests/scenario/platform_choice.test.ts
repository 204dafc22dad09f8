import assert from "node:assert/strict";
import { join } from "node:path";
import { chooseProvider, type ProviderSettings } from "../../src/providers/open_provider.ts";
import { isUnionConfigured } from "../../src/providers/union/is_configured.ts";
import { PORTHOLE, runAt } from "../support/porthole.ts";
import { makeTempHome, type TempHome } from "../support/temp_home.ts";

const UNION = { FLYTE_ADMIN_ENDPOINT: "demo.example.com" };
const VALOHAI = { VALOHAI_TOKEN: "a-token-of-theirs" };

async function choose(
  home: TempHome,
  runName: string,
  env: Record<string, string>,
  settings: ProviderSettings = {},
): Promise<string> {
  const all = { HOME: home.path, PORTHOLE_HOME: home.portholeHome, ...env };
  return await chooseProvider({ env: all, self: [] }, { runName, settings });
}

Deno.test("chooseProvider takes the configured platform, and tells numbers from names where both are", async () => {
  await using home = await makeTempHome();
  assert.equal(await choose(home, "r1", UNION), "union");
  assert.equal(await choose(home, "12", UNION), "union");
  assert.equal(await choose(home, "12", VALOHAI), "valohai");
  for (const counter of ["12", "#12", "latest"]) {
    assert.equal(await choose(home, counter, { ...UNION, ...VALOHAI }), "valohai");
  }
  assert.equal(await choose(home, "r1", { ...UNION, ...VALOHAI }), "union");
  assert.equal(await choose(home, "r1", { ...UNION, PORTHOLE_PROVIDER: "local" }), "local");
});

Deno.test("chooseProvider takes the platform that alone has a use for what was given", async () => {
  await using home = await makeTempHome();
  for (const settings of [{ config: "u.yaml" }, { domain: "d" }, { useApiKey: true }, { refreshToken: true }]) {
    assert.equal(await choose(home, "r1", {}, settings), "union");
  }
  assert.equal(await choose(home, "12", UNION, { host: "https://v.example.com" }), "valohai");
  assert.equal(await choose(home, "r1", { ...UNION, PORTHOLE_PROVIDER: "local" }, { domain: "d" }), "local");
  await assert.rejects(choose(home, "r1", {}, { project: "p", useApiKey: false }), { code: "not_found" });
});

Deno.test("chooseProvider says where it has looked for a run that nobody can know", async () => {
  await using home = await makeTempHome();
  await assert.rejects(choose(home, "train", {}), {
    code: "not_found",
    message: 'Cannot find the run "train": no job of this machine is called that, and no platform is configured',
    hint: "porthole list shows the jobs here; for a platform, log in first: porthole auth login --on union|valohai",
  });
  await assert.rejects(choose(home, "train", VALOHAI), {
    code: "not_found",
    message: 'Cannot find the run "train": no job of this machine is called that, and Valohai\'s runs are numbers',
  });
});

Deno.test("a config.yaml of another tool does not make Union the platform, and does not hide the user's own", async () => {
  await using home = await makeTempHome();
  const cwd = join(home.path, "project");
  await Deno.mkdir(cwd);
  const env = { HOME: home.path };
  const others = [
    "task: classification\nadmin: true\n",
    "task:\n  name: segment\n  lr: 0.1\n",
    "admin:\n  password: hunter2\nserver:\n  endpoint: x\n",
    "{ not: yaml",
    "- admin: { endpoint: x }\n",
  ];
  for (const text of others) {
    await Deno.writeTextFile(join(cwd, "config.yaml"), text);
    assert.equal(await isUnionConfigured(env, cwd), false, text);
  }
  await Deno.mkdir(join(home.path, ".flyte"));
  await Deno.writeTextFile(join(home.path, ".flyte", "config.yaml"), "admin:\n  endpoint: dns:///demo.example.com\n");
  assert.equal(await isUnionConfigured(env, cwd), true);
});

Deno.test("a broken .flyte/config.yaml is named, not passed over", async () => {
  await using home = await makeTempHome();
  const cwd = join(home.path, "project");
  await Deno.mkdir(join(cwd, ".flyte"), { recursive: true });
  await Deno.writeTextFile(join(cwd, ".flyte", "config.yaml"), "admin: { endpoint: ");
  await assert.rejects(isUnionConfigured({ HOME: home.path }, cwd), { code: "config_invalid" });
});

Deno.test("porthole auth means the platform of PORTHOLE_PROVIDER, else the one that is configured", async () => {
  await using home = await makeTempHome();
  const status = async (env: Record<string, string>, ...args: string[]) =>
    await runAt(home, [...PORTHOLE, "auth", "status", ...args], env);
  assert.match((await status({ PORTHOLE_PROVIDER: "valohai" })).stdout, /^valohai at https:\/\/app\.valohai\.com: not/);
  assert.match((await status(VALOHAI)).stdout, /^valohai at .*: logged in\n/);
  assert.match((await status(UNION)).stdout, /^union at demo\.example\.com: not logged in\n/);
  assert.match(
    (await status(UNION, "--host", "https://v.example.com")).stdout,
    /^valohai at https:\/\/v\.example\.com/,
  );
  const nowhere = await status({});
  assert.deepEqual([nowhere.code, nowhere.stdout], [2, ""]);
  assert.match(
    nowhere.stderr,
    /^porthole: Cannot tell where to log in: neither Union, Flyte nor Valohai is configured\n/,
  );
});

Deno.test("porthole list says on stderr that there is nothing, and where else something may be", async () => {
  await using home = await makeTempHome();
  assert.deepEqual(await runAt(home, [...PORTHOLE, "list"]), {
    code: 0,
    stdout: "",
    stderr: "No jobs on this machine; those of a platform: porthole list --on union|valohai\n",
  });
});
