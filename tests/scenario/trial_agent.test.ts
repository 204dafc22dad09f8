import assert from "node:assert/strict";
import { join } from "node:path";
import { lockFile } from "../../src/base/file_lock.ts";
import { listenForAgent } from "../../src/agent/sessions/agent_socket.ts";
import { generateKey } from "../../src/ssh/keys/generate.ts";
import { eventually, isAlive, runToEnd } from "../support/agent_stage.ts";
import { PORTHOLE } from "../support/porthole.ts";
import { hasProgram } from "../support/programs.ts";
import { inFolder } from "../support/temp_home.ts";

const [, ...WORDS] = PORTHOLE;
const { publicKey, privateKey } = await generateKey("ed25519");

function agentCommand(folder: string, args: readonly string[]) {
  return {
    args: [...WORDS, "agent", "--listen", "127.0.0.1:0", "--state-file", join(folder, "state.json"), ...args],
    env: { HOME: folder, PORTHOLE_HOME: folder, PORTHOLE_AUTHORIZED_KEYS: publicKey },
    cwd: folder,
  };
}

async function sshArgs(folder: string): Promise<string[]> {
  const key = join(folder, "id");
  await Deno.writeTextFile(key, privateKey, { mode: 0o600 });
  const { port } = JSON.parse(await Deno.readTextFile(join(folder, "state.json")));
  const checks = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"];
  return ["-F", "none", "-i", key, "-o", "IdentitiesOnly=yes", ...checks, "-p", String(port), "x@127.0.0.1"];
}

Deno.test({
  name:
    "SIGTERM tells a session without a terminal, kills a job that does not heed it, and is done within 5 s (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: () =>
    inFolder(async (folder) => {
      const job = ["sh", "-c", "trap '' TERM; touch up; while :; do sleep 0.1; done"];
      const { args, ...options } = agentCommand(folder, ["--", ...job]);
      const agent = new Deno.Command(Deno.execPath(), { args, ...options, stdout: "null", stderr: "null" }).spawn();
      try {
        const isThere = (name: string) => Deno.stat(join(folder, name)).then(() => true, () => false);
        await eventually("the job is up", () => isThere("up"));
        const session = runToEnd("ssh", [...await sshArgs(folder), `touch ${folder}/in; exec sleep 1000`]);
        await eventually("the session is up", () => isThere("in"));
        const begun = performance.now();
        agent.kill("SIGTERM");
        assert.equal((await agent.status).code, 137);
        assert.ok(performance.now() - begun < 5000, `${performance.now() - begun} ms`);
        const { code, stderr } = await session;
        assert.match(stderr, /^porthole: the agent was told to stop$/m);
        assert.equal(code, 255);
      } finally {
        try {
          agent.kill("SIGKILL");
        } catch {
          // It has ended.
        }
        await agent.status;
      }
    }),
});

Deno.test("a command that cannot be started has failed: it is told, held for a look, and its status is a shell's", async () => {
  await inFolder(async (folder) => {
    const run = (args: readonly string[]) => {
      const { args: words, ...options } = agentCommand(folder, args);
      return runToEnd(Deno.execPath(), words, options);
    };
    const missing = await run(["--hold-for", "200ms", "--", "/nowhere/at/all"]);
    assert.equal(missing.code, 127);
    assert.equal(
      missing.stderr,
      'porthole: Cannot run the command "/nowhere/at/all": it does not exist\n' +
        "porthole: The command ended with status 127: held for people to look, 200ms at most (--hold)\n",
    );
    await Deno.writeTextFile(join(folder, "data"), "no program");
    assert.equal((await run(["--hold", "never", "--", join(folder, "data")])).code, 126);
  });
});

Deno.test({
  name: "SIGTERM ends an agent that waits for another one with the same state file (needs Linux)",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      using _lock = await lockFile(join(folder, "state.json.lock"));
      const { args, ...options } = agentCommand(folder, []);
      const agent = new Deno.Command(Deno.execPath(), { args, ...options, stdout: "null", stderr: "null" }).spawn();
      const opensLock = async () => {
        const files = await Array.fromAsync(Deno.readDir(`/proc/${agent.pid}/fd`)).catch(() => []);
        const targets = await Promise.all(
          files.map(({ name }) => Deno.readLink(`/proc/${agent.pid}/fd/${name}`).catch(() => "")),
        );
        return targets.some((target) => target.endsWith("state.json.lock"));
      };
      await eventually("it waits", opensLock);
      agent.kill("SIGTERM");
      assert.equal((await agent.status).code, 130);
    }),
});

Deno.test("a job that the maximum uptime ends is not said to be held", async () => {
  await inFolder(async (folder) => {
    const { args, ...options } = agentCommand(folder, ["--max-uptime", "200ms", "--", "sleep", "1000"]);
    const { code, stderr } = await runToEnd(Deno.execPath(), args, options);
    assert.equal(stderr, "");
    assert.equal(code, 143);
  });
});

Deno.test("what a job has started goes with it when the agent is killed", async () => {
  await inFolder(async (folder) => {
    const job = ["sh", "-c", "(sleep 1000 & echo $! >worker; wait) & wait"];
    const { args, ...options } = agentCommand(folder, ["--", ...job]);
    const agent = new Deno.Command(Deno.execPath(), { args, ...options, stdout: "null", stderr: "null" }).spawn();
    const worker = async () => Number(await Deno.readTextFile(join(folder, "worker")).catch(() => "0"));
    await eventually("the worker is up", async () => await worker() > 0);
    // An agent that answers has got past the moment in which it started the job.
    const { port } = JSON.parse(await Deno.readTextFile(join(folder, "state.json")));
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "ok");
    agent.kill("SIGKILL");
    await agent.status;
    const pid = await worker();
    await eventually("the worker is gone", () => Promise.resolve(!isAlive(pid)));
  });
});

Deno.test({
  name: "the key agent's socket is in /tmp where TMPDIR is missing or too long for it",
  ignore: Deno.build.os === "windows",
  async fn() {
    await inFolder(async (folder) => {
      const long = join(folder, "x".repeat(100));
      await Deno.mkdir(long);
      const before = Deno.env.get("TMPDIR");
      try {
        for (const unusable of [join(folder, "nowhere"), long]) {
          Deno.env.set("TMPDIR", unusable);
          using agent = await listenForAgent(() => Promise.reject(new Error("nobody asks")));
          assert.match(agent.path, /^\/tmp\/porthole-agent-[^/]+\/agent\.sock$/);
        }
        assert.deepEqual([...Deno.readDirSync(long)], []);
      } finally {
        if (before === undefined) Deno.env.delete("TMPDIR");
        else Deno.env.set("TMPDIR", before);
      }
    });
  },
});
