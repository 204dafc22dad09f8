import assert from "node:assert/strict";
import { join } from "node:path";
import { generateKey } from "../../src/ssh/keys/generate.ts";
import { eventually, isAlive, type Outcome, runToEnd } from "../support/agent_stage.ts";
import { PORTHOLE } from "../support/porthole.ts";
import { hasProgram } from "../support/programs.ts";
import { inFolder } from "../support/temp_home.ts";

const [, ...WORDS] = PORTHOLE;
const { publicKey, privateKey } = await generateKey("ed25519");

function agentEnv(folder: string, env: Record<string, string> = {}): Record<string, string> {
  return { HOME: folder, PORTHOLE_HOME: folder, PORTHOLE_AUTHORIZED_KEYS: publicKey, ...env };
}

function runAgent(folder: string, args: readonly string[], env?: Record<string, string>): Promise<Outcome> {
  const words = [...WORDS, "agent", "--listen", "127.0.0.1:0", ...args];
  return runToEnd(Deno.execPath(), words, { env: agentEnv(folder, env), cwd: folder });
}

interface Started extends AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly port: number;
  readonly stdout: Promise<string>;
}

/** Starts an agent and waits until its state file says that it is ready. */
async function startAgent(folder: string, args: readonly string[]): Promise<Started> {
  const stateFile = join(folder, "state.json");
  const child = new Deno.Command(Deno.execPath(), {
    args: [...WORDS, "agent", "--listen", "127.0.0.1:0", "--state-file", stateFile, ...args],
    env: agentEnv(folder),
    cwd: folder,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const stdout = new Response(child.stdout).text();
  let port = 0;
  await eventually("the agent is ready", async () => {
    port = JSON.parse(await Deno.readTextFile(stateFile).catch(() => "{}")).port ?? 0;
    return port > 0;
  });
  return {
    child,
    port,
    stdout,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await child.status;
      await stdout;
    },
  };
}

async function sshArgs(folder: string, port: number): Promise<string[]> {
  const key = join(folder, "id");
  await Deno.writeTextFile(key, privateKey, { mode: 0o600 });
  const options = [
    "IdentitiesOnly=yes",
    `IdentityFile=${key}`,
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
  ];
  return ["-F", "none", "-p", String(port), ...options.flatMap((option) => ["-o", option]), "x@127.0.0.1"];
}

Deno.test("an agent without keys does not start, and says what to set", async () => {
  await inFolder(async (folder) => {
    const { code, stdout, stderr } = await runAgent(folder, [], { PORTHOLE_AUTHORIZED_KEYS: "" });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /there is no key that may log in/);
    assert.match(stderr, /--authorized-keys FILE, or set PORTHOLE_AUTHORIZED_KEYS/);
  });
});

Deno.test("a key of a Union run (_F_SSH_PK) will do", async () => {
  await inFolder(async (folder) => {
    const env = { PORTHOLE_AUTHORIZED_KEYS: "", _F_SSH_PK: publicKey };
    const { code, stdout } = await runAgent(folder, ["--address", "wss://pod.example", "--", "true"], env);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^SSH debug server is ready\nHost key fingerprint: SHA256:\S{43}\nSSH connection available at: wss:\/\/pod\.example\n$/,
    );
  });
});

Deno.test("a command's output is untouched, its status is the agent's, and --hold decides about staying", async () => {
  await inFolder(async (folder) => {
    const run = (args: readonly string[]) => runAgent(folder, args);
    const plain = await run([
      "--hold",
      "never",
      "--",
      "sh",
      "-c",
      "echo out; echo err >&2; env | grep -c PORTHOLE; exit 5",
    ]);
    assert.equal(plain.code, 5);
    assert.match(plain.stdout, /SHA256:\S+\nout\n0\n$/);
    assert.equal(plain.stderr, "err\n");
    assert.equal((await run(["--hold", "never", "--", "sh", "-c", "kill -TERM $$"])).code, 143);
    // Succeeded, hence not held.
    assert.equal((await run(["--", "true"])).code, 0);
    const held = await run(["--hold-for", "300ms", "--", "false"]);
    assert.equal(held.code, 1);
    assert.match(held.stderr, /The command ended with status 1: held/);
    assert.equal((await run(["--hold", "always", "--hold-for", "200ms", "--", "true"])).code, 0);
  });
});

Deno.test("an agent alone leaves by --idle-timeout and --max-uptime, and a job by a maximum that was asked for", async () => {
  await inFolder(async (folder) => {
    assert.equal((await runAgent(folder, ["--idle-timeout", "200ms"])).code, 0);
    assert.equal((await runAgent(folder, ["--max-uptime", "200ms"])).code, 0);
    assert.equal((await runAgent(folder, [], { SSH_SERVER_MAX_UPTIME_SECONDS: "1" })).code, 0);
    assert.equal((await runAgent(folder, ["--max-uptime", "200ms", "--", "sleep", "1000"])).code, 143);
  });
});

Deno.test("an agent that is told to leave while it starts leaves, and does not start its job", async () => {
  for (const file of ["state.json.lock", "state.json"]) {
    await inFolder(async (folder) => {
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          ...[...WORDS, "agent", "--listen", "127.0.0.1:0", "--state-file", join(folder, "state.json")],
          ...["--", "sleep", "1000"],
        ],
        env: agentEnv(folder),
        cwd: folder,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      while (!await Deno.stat(join(folder, file)).catch(() => undefined));
      child.kill("SIGTERM");
      const killer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      assert.equal((await child.status).code, 143, file);
      clearTimeout(killer);
    });
  }
});

Deno.test("signals go to the job, the second SIGTERM too, and its status comes back", async () => {
  await inFolder(async (folder) => {
    await using agent = await startAgent(folder, [
      "--",
      "sh",
      "-c",
      "trap 'echo got-usr1' USR1; trap 'echo got-hup' HUP; n=0; trap 'n=$((n+1)); echo got-term$n; [ $n = 2 ] && exit 7' TERM; exec >log; touch up; while :; do sleep 0.05; done",
    ]);
    await eventually("the job is up", () => Deno.stat(join(folder, "up")).then(() => true, () => false));
    const log = join(folder, "log");
    const logged = (text: string) => eventually(text, async () => (await Deno.readTextFile(log)).includes(text));
    for (const [signal, text] of [["SIGUSR1", "got-usr1"], ["SIGHUP", "got-hup"], ["SIGTERM", "got-term1"]] as const) {
      agent.child.kill(signal);
      await logged(text);
    }
    agent.child.kill("SIGTERM");
    assert.equal((await agent.child.status).code, 7);
  });
});

Deno.test({
  name: "SIGTERM tells people at a terminal, ends their programs and the agent within 5 s (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: () =>
    inFolder(async (folder) => {
      await using agent = await startAgent(folder, []);
      const command = "echo $$ >pid; trap '' HUP; echo up; while :; do sleep 0.1; done";
      const session = runToEnd("ssh", ["-tt", ...await sshArgs(folder, agent.port), command]);
      await eventually("the session is up", () =>
        Deno.stat(join(folder, "pid")).then(({ size }) => size > 0, () => false));
      const pid = Number(await Deno.readTextFile(join(folder, "pid")));
      const begun = performance.now();
      agent.child.kill("SIGTERM");
      assert.equal((await agent.child.status).code, 0);
      assert.ok(performance.now() - begun < 5000);
      const { stdout, stderr } = await session;
      assert.match(stdout + stderr, /porthole: the agent was told to stop/);
      assert.equal(isAlive(pid), false);
    }),
});

Deno.test({
  name: "an agent that is killed leaves neither sessions nor the job behind (needs ssh)",
  ignore: !hasProgram("ssh"),
  fn: () =>
    inFolder(async (folder) => {
      await using agent = await startAgent(folder, ["--", "sh", "-c", "echo $$ >job; exec sleep 1000"]);
      const session = runToEnd("ssh", [...await sshArgs(folder, agent.port), "echo $$ >session; exec sleep 1000"]);
      const pids = () =>
        Promise.all(
          ["job", "session"].map(async (name) => Number(await Deno.readTextFile(join(folder, name)).catch(() => "0"))),
        );
      await eventually("both run", async () => (await pids()).every((pid) => pid > 0));
      const running = await pids();
      agent.child.kill("SIGKILL");
      await eventually("both are gone", () => !running.some(isAlive));
      await session;
    }),
});
