import assert from "node:assert/strict";
import { join } from "node:path";
import * as util from "node:util";
import { parse } from "yaml";
import { TOP } from "../support/compiled.ts";
import { hasProgram } from "../support/programs.ts";
import { makeTempHome, type TempHome } from "../support/temp_home.ts";

/** The types of Node that `@types/ssh2` brings along are older than this function. */
function parseEnv(text: string): Record<string, string> {
  const parse: unknown = Reflect.get(util, "parseEnv");
  assert.ok(typeof parse === "function");
  return parse(text);
}

const ODD = 'it\'s "odd" $HOME `id` \\n # é';

async function env(home: TempHome, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", "--quiet", join(TOP, "main.ts"), "env", ...args],
    env: home.environment(),
    clearEnv: true,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("porthole env as JSON and YAML reads back as what was asked for, with the key that is kept", async () => {
  await using home = await makeTempHome();
  const json = JSON.parse((await env(home, "--format", "json", "--env", `ODD=${ODD}`)).stdout);
  const publicKey = await Deno.readTextFile(join(home.path, ".flyte", "ssh-debug", "id_ed25519.pub"));
  assert.deepEqual(json, { ODD, _F_E_SSH: "1", _F_E_VS: "1", _F_SSH_PK: publicKey.trim() });
  const yaml = parse((await env(home, "--format", "yaml", "--env", `ODD=${ODD}`)).stdout);
  assert.deepEqual(yaml, json);
});

Deno.test({
  name: "porthole env for a shell survives sh (needs sh)",
  ignore: !hasProgram("sh"),
  async fn() {
    await using home = await makeTempHome();
    const { stdout } = await env(home, "--env", `ODD=${ODD}`);
    const script = `${stdout}printf '%s|%s' "$ODD" "$_F_E_SSH"`;
    const output = await new Deno.Command("sh", { args: ["-c", script] }).output();
    assert.equal(new TextDecoder().decode(output.stdout), `${ODD}|1`);
  },
});

Deno.test("porthole env as dotenv quotes only what must be, since docker --env-file takes quotes for the value's own", async () => {
  await using home = await makeTempHome();
  const { stdout } = await env(
    home,
    "--format",
    "dotenv",
    "--env",
    "A=two words",
    "--env",
    "B=it's $5",
    "--env",
    "C=#1",
  );
  assert.match(
    stdout,
    /^A=two words\nB="it's \\\$5"\nC='#1'\n_F_E_SSH=1\n_F_E_VS=1\n_F_SSH_PK=ssh-ed25519 \S+ [^']*\n$/,
  );
});

Deno.test("porthole env as dotenv reads back in Node, and bare in what takes each line as it stands", async () => {
  await using home = await makeTempHome();
  const values = {
    A: "two words",
    B: "it's",
    C: 'say "hi" $HOME `id`',
    D: "a # b",
    E: "C:\\temp",
    F: "one\ntwo",
    G: "",
  };
  const flags = Object.entries(values).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  const { stdout } = await env(home, "--format", "dotenv", ...flags);
  const publicKey = (await Deno.readTextFile(join(home.path, ".flyte", "ssh-debug", "id_ed25519.pub"))).trim();
  const wanted = { _F_E_SSH: "1", _F_E_VS: "1", _F_SSH_PK: publicKey };
  assert.deepEqual({ ...parseEnv(stdout) }, { ...values, ...wanted });
  // `docker run --env-file`, `kubectl create secret --from-env-file`: no quoting at all.
  const literal = Object.fromEntries(stdout.split("\n").map((line) => line.split(/=(.*)/s).slice(0, 2)));
  assert.deepEqual(Object.fromEntries(Object.keys(wanted).map((name) => [name, literal[name]])), wanted);
});

Deno.test("porthole env refuses to lose the key", async () => {
  await using home = await makeTempHome();
  const { code, stdout, stderr } = await env(home, "--env", "_F_SSH_PK=ssh-ed25519 AAAA");
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /Cannot set _F_SSH_PK for the job/);
});
