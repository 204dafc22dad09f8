import assert from "node:assert/strict";
import { join } from "node:path";
import { findAccount, findPlace } from "../../../../src/providers/valohai/account.ts";
import { writeToken } from "../../../../src/providers/valohai/token_file.ts";

const TOKEN = "a-token-0123456789";

async function withHome(fn: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    await fn(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

async function writeConfig(folder: string, value: unknown, mode = 0o600): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(value), { mode });
}

Deno.test("findPlace takes the option before the environment before the settings of Valohai's tool", async () => {
  await withHome(async (home) => {
    await writeConfig(join(home, ".valohai"), { host: "https://file.example.com/", project: "file-project" });
    const cwd = join(home, "deep", "er");
    await Deno.mkdir(cwd, { recursive: true });
    const env = { HOME: home };
    const fromFile = await findPlace({ env, cwd });
    assert.deepEqual([fromFile.host.origin, fromFile.project], ["https://file.example.com", "file-project"]);
    const envWins = { ...env, VALOHAI_HOST: "env.example.com", VALOHAI_PROJECT: "env-project" };
    const fromEnv = await findPlace({ env: envWins, cwd });
    assert.deepEqual([fromEnv.host.origin, fromEnv.project], ["https://env.example.com", "env-project"]);
    const fromOption = await findPlace({ env: envWins, cwd, host: "https://opt.example.com", project: "opt" });
    assert.deepEqual([fromOption.host.origin, fromOption.project], ["https://opt.example.com", "opt"]);
  });
});

Deno.test("findPlace falls back to Valohai's own host", async () => {
  await withHome(async (home) => {
    const { host, project } = await findPlace({ env: { HOME: home }, cwd: home });
    assert.deepEqual([host.origin, project], ["https://app.valohai.com", undefined]);
  });
});

Deno.test("findPlace means the only installation that somebody has logged in to, where nothing names one", async () => {
  await withHome(async (home) => {
    const env = { HOME: home, PORTHOLE_HOME: join(home, ".porthole") };
    const originOf = async (more: Record<string, string> = {}) =>
      (await findPlace({ env: { ...env, ...more }, cwd: home })).host.origin;
    await writeToken(env, { host: new URL("https://vh.example.com"), token: TOKEN });
    assert.equal(await originOf(), "https://vh.example.com");
    assert.equal(await originOf({ VALOHAI_HOST: "https://other.example.com" }), "https://other.example.com");
    assert.equal(await originOf({ VALOHAI_TOKEN: TOKEN }), "https://app.valohai.com");
    await writeToken(env, { host: new URL("https://vh2.example.com"), token: TOKEN });
    assert.equal(await originOf(), "https://app.valohai.com");
    await assert.rejects(findAccount({ env, cwd: home }), (error: unknown) => {
      const { code, hint = "" } = error as { code: string; hint?: string };
      assert.equal(code, "auth_denied");
      assert.match(hint, /^There is one for https:\/\/vh2?\.example\.com, https:\/\/vh2?\.example\.com: name it with /);
      return true;
    });
  });
});

Deno.test("findAccount reads the host, token and linked project that Valohai's tool wrote", async () => {
  await withHome(async (home) => {
    const cwd = join(home, "code", "digits", "src");
    await Deno.mkdir(cwd, { recursive: true });
    await writeConfig(join(home, "vh"), {
      host: "https://vh.example.com/",
      token: TOKEN,
      user: { id: 1 },
      links: { [join(home, "code", "digits")]: { id: "p-1", name: "digits" } },
    });
    const account = await findAccount({ env: { HOME: home, VALOHAI_CONFIG_DIR: join(home, "vh") }, cwd });
    assert.deepEqual([account.host.origin, account.token, account.project], ["https://vh.example.com", TOKEN, "p-1"]);
  });
});

Deno.test({
  name: "findAccount refuses a token in a file that others can read",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withHome(async (home) => {
      await writeConfig(join(home, "vh"), { host: "https://vh.example.com", token: TOKEN }, 0o644);
      await assert.rejects(findAccount({ env: { HOME: home, VALOHAI_CONFIG_DIR: join(home, "vh") }, cwd: home }), {
        code: "unsafe_file",
      });
    });
  },
});

Deno.test("findAccount uses a stored token for its own host alone", async () => {
  await withHome(async (home) => {
    const env = { HOME: home, VALOHAI_CONFIG_DIR: join(home, "none") };
    await writeToken(env, { host: new URL("https://one.example.com"), token: TOKEN });
    assert.equal((await findAccount({ env, cwd: home, host: "one.example.com" })).token, TOKEN);
    await assert.rejects(findAccount({ env, cwd: home, host: "two.example.com" }), {
      code: "auth_denied",
      message: "Cannot reach Valohai at https://two.example.com: no log-in for it is stored",
    });
  });
});

Deno.test("findAccount does not let a project's file choose who gets VALOHAI_TOKEN", async () => {
  await withHome(async (home) => {
    await writeConfig(join(home, ".valohai"), { host: "https://evil.example.com" });
    const env = { HOME: home, VALOHAI_TOKEN: TOKEN };
    await assert.rejects(findAccount({ env, cwd: home }), (error: Error) => {
      assert.match(error.message, /^Cannot send VALOHAI_TOKEN to https:\/\/evil\.example\.com, which only /);
      assert.ok(!error.message.includes(TOKEN));
      return true;
    });
    const named = { ...env, VALOHAI_HOST: "https://evil.example.com" };
    assert.equal((await findAccount({ env: named, cwd: home })).token, TOKEN);
  });
});

Deno.test("findPlace refuses a host that would carry the log-in in plain text, and what is no host", async () => {
  await withHome(async (home) => {
    const at = (host: string) => findPlace({ env: { HOME: home }, cwd: home, host });
    for (const host of ["http://vh.example.com", "ftp://vh.example.com", "https://", "https://me:pw@vh.example.com"]) {
      await assert.rejects(at(host), { code: "config_invalid" });
    }
    assert.equal((await at("http://127.0.0.1:8000")).host.origin, "http://127.0.0.1:8000");
  });
});

Deno.test("findPlace says which settings file is damaged, without a word of it", async () => {
  await withHome(async (home) => {
    await Deno.mkdir(join(home, ".valohai"));
    await Deno.writeTextFile(join(home, ".valohai", "config.json"), `{"token": "${TOKEN}`);
    await assert.rejects(findPlace({ env: { HOME: home }, cwd: home }), (error: Error) => {
      assert.match(error.message, /config\.json": it is not JSON$/);
      assert.ok(!error.message.includes(TOKEN));
      return true;
    });
  });
});
