import assert from "node:assert/strict";
import { join } from "node:path";
import { VERSION } from "../../src/base/version.ts";
import { type CompiledProgram, compiledTitle, findCompiled } from "../support/compiled.ts";
import { hasProgram } from "../support/programs.ts";
import { AGENT_ALIAS, type RunningAgent, startAgent } from "../support/running_agent.ts";
import { makeTempHome } from "../support/temp_home.ts";

const COMPILED: CompiledProgram = findCompiled();
const CAN_RUN = COMPILED.path !== undefined && hasProgram("ssh");
const PROGRAM: readonly [string, ...string[]] = [COMPILED.path ?? ""];

/** A test that has the compiled agent running, and the compiled proxy in front of it. */
function scenario(title: string, fn: (agent: RunningAgent) => Promise<void>): void {
  Deno.test({
    name: compiledTitle(title, COMPILED),
    ignore: !CAN_RUN,
    async fn() {
      await using agent = await startAgent(PROGRAM);
      await fn(agent);
    },
  });
}

Deno.test({
  name: compiledTitle("the compiled program tells its version and leaves nothing in the temp folder", COMPILED),
  ignore: COMPILED.path === undefined,
  async fn() {
    await using home = await makeTempHome();
    const folder = join(home.path, "tmp");
    await Deno.mkdir(folder);
    const { code, stdout } = await new Deno.Command(PROGRAM[0], {
      args: ["--version"],
      env: home.environment({ TMPDIR: folder, TEMP: folder }),
      clearEnv: true,
    }).output();
    assert.equal(code, 0);
    assert.ok(new TextDecoder().decode(stdout).includes(VERSION));
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  },
});

scenario("ssh through the compiled proxy gets output, stderr and exit status apart", async (agent) => {
  const outcome = await agent.run(["ssh", "-F", agent.configFile, AGENT_ALIAS, "echo out; echo err >&2; exit 7"]);
  assert.deepEqual(outcome, { code: 7, stdout: "out\n", stderr: "err\n" });
});

scenario("ssh through the compiled proxy hands stdin on, its end too", async (agent) => {
  const bytes = new TextEncoder().encode("line\n".repeat(200_000));
  const outcome = await agent.run(["ssh", "-F", agent.configFile, AGENT_ALIAS, "wc -c"], bytes);
  assert.deepEqual([outcome.code, outcome.stdout.trim()], [0, String(bytes.length)]);
});

scenario("the compiled agent gives a terminal: its permissions reach as far as the pseudo-terminal", async (agent) => {
  const outcome = await agent.run(["ssh", "-F", agent.configFile, "-tt", AGENT_ALIAS, "tty; test -t 1 && echo yes"]);
  assert.match(outcome.stdout, /^\/dev\/(?:pts\/|ttys)\d+\r\nyes\r\n$/);
});

scenario("sftp through the compiled agent reads what is below /proc and /dev", async (agent) => {
  const batch = join(agent.home.path, "batch");
  await Deno.writeTextFile(batch, `get /proc/self/status ${agent.home.path}/status\nls /dev/null\n`);
  const outcome = await agent.run(["sftp", "-q", "-F", agent.configFile, "-b", batch, AGENT_ALIAS]);
  assert.equal(outcome.code, 0, outcome.stderr);
  assert.match(outcome.stdout, /\/dev\/null/);
});

for (const protocol of ["-s", "-O"]) {
  scenario(`scp ${protocol} through the compiled program carries a file there and back`, async (agent) => {
    const sent = crypto.getRandomValues(new Uint8Array(60_000));
    const [from, there, back] = ["from", "there", "back"].map((name) => join(agent.home.path, name));
    await Deno.writeFile(from ?? "", sent);
    const scp = ["scp", protocol, "-q", "-F", agent.configFile] as const;
    const up = await agent.run([...scp, from ?? "", `${AGENT_ALIAS}:${there}`]);
    assert.deepEqual(up, { code: 0, stdout: "", stderr: "" });
    const down = await agent.run([...scp, `${AGENT_ALIAS}:${there}`, back ?? ""]);
    assert.deepEqual(down, { code: 0, stdout: "", stderr: "" });
    assert.deepEqual(await Deno.readFile(back ?? ""), sent);
  });
}

scenario("a stranger's key is not let in by the compiled agent", async (agent) => {
  const stranger = join(agent.home.path, "stranger");
  await agent.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger]);
  const config = await Deno.readTextFile(agent.configFile);
  const other = join(agent.home.path, "config-stranger");
  await Deno.writeTextFile(other, config.replace(/IdentityFile .*/, `IdentityFile ${stranger}`));
  const outcome = await agent.run(["ssh", "-F", other, "-o", "BatchMode=yes", AGENT_ALIAS, "true"]);
  assert.equal(outcome.code, 255);
  assert.match(outcome.stderr, /Permission denied \(publickey\)/);
});
