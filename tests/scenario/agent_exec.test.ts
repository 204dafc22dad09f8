import assert from "node:assert/strict";
import { eventually, isAlive, makeAgentStage, runToEnd } from "../support/agent_stage.ts";
import { hasProgram } from "../support/programs.ts";

function scenario(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `${name} (needs ssh)`, ignore: !hasProgram("ssh"), fn });
}

scenario("a command's stdout, stderr and status come back apart", async () => {
  await using stage = await makeAgentStage();
  assert.deepEqual(await stage.ssh(["any@127.0.0.1", "echo out; echo err >&2; exit 3"]), {
    code: 3,
    signal: null,
    stdout: "out\n",
    stderr: "err\n",
  });
});

scenario("a command gets its stdin and its end", async () => {
  await using stage = await makeAgentStage();
  const stdin = new Uint8Array(3_000_000).fill(97);
  const { code, stdout } = await stage.ssh(["any@127.0.0.1", "wc -c; exit 4"], { stdin });
  assert.equal(stdout.trim(), "3000000");
  assert.equal(code, 4);
});

scenario("a command that does not read its stdin ends all the same", async () => {
  await using stage = await makeAgentStage();
  const { code, stdout } = await stage.ssh(["any@127.0.0.1", "exec 0<&-; echo done"], {
    stdin: new Uint8Array(5_000_000),
  });
  assert.deepEqual([code, stdout], [0, "done\n"]);
});

scenario("output bigger than every window comes whole, stdout and stderr at one time", async () => {
  await using stage = await makeAgentStage();
  const { stdout, stderr } = await stage.ssh([
    "any@127.0.0.1",
    "head -c 6000000 /dev/zero | tr '\\0' o & head -c 6000000 /dev/zero | tr '\\0' e >&2; wait",
  ]);
  assert.ok(stdout === "o".repeat(6_000_000), `stdout: ${stdout.length} bytes`);
  assert.ok(stderr === "e".repeat(6_000_000), `stderr: ${stderr.length} bytes`);
});

scenario("a command's death by signal is told as one", async () => {
  await using stage = await makeAgentStage();
  const { code, stderr } = await stage.ssh(["-o", "LogLevel=INFO", "any@127.0.0.1", "kill -TERM $$"]);
  assert.equal(code, 255);
  assert.match(stderr, /SIGTERM|^$/);
});

scenario("a job in the background that holds stdout holds the session, as with sshd", async () => {
  await using stage = await makeAgentStage();
  const begun = performance.now();
  const { stdout } = await stage.ssh(["any@127.0.0.1", "(sleep 0.5; echo late) & echo early"]);
  assert.equal(stdout, "early\nlate\n");
  assert.ok(performance.now() - begun >= 500);
});

scenario("a client that is killed leaves no process behind, not even one that ignores SIGHUP", async () => {
  await using stage = await makeAgentStage();
  const client = new Deno.Command("ssh", {
    args: [
      ...stage.sshArgs,
      "any@127.0.0.1",
      "trap '' HUP; (trap '' HUP; echo $$ >pid1; exec sleep 1000) & echo $! >pid2; wait",
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const pids = async () => {
    try {
      const texts = await Promise.all(["pid1", "pid2"].map((name) => Deno.readTextFile(`${stage.folder}/${name}`)));
      return texts.map(Number);
    } catch {
      return [];
    }
  };
  await eventually("both pids are known", async () => (await pids()).filter((pid) => pid > 0).length === 2);
  const left = await pids();
  client.kill("SIGKILL");
  await client.status;
  await eventually("all are gone", () => !left.some(isAlive));
});

scenario("fifty sessions share one connection", async () => {
  await using stage = await makeAgentStage();
  const socket = `${stage.folder}/mux`;
  const master = new Deno.Command("ssh", {
    args: [...stage.sshArgs, "-M", "-N", "-S", socket, "any@127.0.0.1"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await eventually(
    "the master is up",
    async () => (await stage.ssh(["-S", socket, "-O", "check", "x@127.0.0.1"])).code === 0,
  );
  const all = await Promise.all(
    Array.from({ length: 50 }, (_, at) => stage.ssh(["-S", socket, "any@127.0.0.1", `sleep 0.2; echo ${at}`])),
  );
  assert.deepEqual(all.map(({ stdout }) => Number(stdout)), Array.from({ length: 50 }, (_, at) => at));
  assert.equal(stage.agent.connectionCount, 1);
  await stage.ssh(["-S", socket, "-O", "exit", "x@127.0.0.1"]);
  await master.status;
});

scenario("sessions see the job's environment, a login's variables and what the client may set", async () => {
  await using stage = await makeAgentStage({
    env: {
      JOB_VAR: "1",
      PORTHOLE_AUTHORIZED_KEYS: "secret",
      _F_SSH_PK: "secret",
      _F_E_VS: "1",
      _F_E_SSH: "1",
      SHLVL: "4",
    },
    acceptEnv: ["MINE_*"],
    account: { name: "worker", shell: "/bin/sh" },
  });
  const set = ["LANG=C.UTF-8", "LC_TIME=C", "MINE_A=a b", "OTHER=no", "LD_PRELOAD=no", "PATH=no"];
  const { stdout } = await stage.ssh([
    "-o",
    `SetEnv=${set.map((pair) => `"${pair}"`).join(" ")}`,
    "x@127.0.0.1",
    "env",
  ]);
  const env = Object.fromEntries(stdout.trim().split("\n").map((line) => line.split(/=(.*)/s)));
  const { JOB_VAR, LANG, LC_TIME, MINE_A, OTHER, LD_PRELOAD, USER, LOGNAME, SHELL, HOME } = env;
  assert.deepEqual(
    { JOB_VAR, LANG, LC_TIME, MINE_A, OTHER, LD_PRELOAD, USER, LOGNAME, SHELL, HOME },
    {
      JOB_VAR: "1",
      LANG: "C.UTF-8",
      LC_TIME: "C",
      MINE_A: "a b",
      OTHER: undefined,
      LD_PRELOAD: undefined,
      USER: "worker",
      LOGNAME: "worker",
      SHELL: "/bin/sh",
      HOME: stage.folder,
    },
  );
  assert.match(env.SSH_CONNECTION ?? "", new RegExp(`^127\\.0\\.0\\.1 \\d+ 127\\.0\\.0\\.1 ${stage.port}$`));
  assert.doesNotMatch(stdout, /secret|_F_E|PORTHOLE|SHLVL=4|PATH=no/);
});

scenario("a shell script on stdin runs without a terminal, as editors do it", async () => {
  await using stage = await makeAgentStage();
  const script = "echo shell; pwd; exit 5\n";
  const { code, stdout } = await stage.ssh(["-T", "any@127.0.0.1", "sh"], { stdin: script });
  assert.deepEqual([code, stdout], [5, `shell\n${stage.folder}\n`]);
  assert.equal((await stage.ssh(["-T", "any@127.0.0.1"], { stdin: script })).code, 5);
});

scenario("a command with bytes that are not UTF-8 runs byte by byte, with and without a terminal", async () => {
  await using stage = await makeAgentStage();
  const bytes = String.raw`é\351ÿ`.replace("é", "\xe9").replace("ÿ", "\xff");
  const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
  // Arguments of a program are text in this runtime: the shell makes the bytes.
  const call = `exec ssh "$@" any@127.0.0.1 "printf '%s' '$(cat '${stage.folder}/bytes')' | od -An -tx1"`;
  await Deno.writeFile(`${stage.folder}/bytes`, latin1(bytes));
  for (const terminal of ["-T", "-tt"]) {
    const { stdout } = await runToEnd("sh", ["-c", call, "sh", ...stage.sshArgs, terminal]);
    assert.equal(stdout.trim(), "e9 5c 33 35 31 ff");
  }
});

scenario("sessions begin at home once the job's folder is gone", async () => {
  const cwd = await Deno.makeTempDir({ prefix: "porthole-test-" });
  await using stage = await makeAgentStage({ cwd });
  assert.equal((await stage.ssh(["any@127.0.0.1", "pwd"])).stdout, `${cwd}\n`);
  await Deno.remove(cwd);
  assert.equal((await stage.ssh(["any@127.0.0.1", "pwd"])).stdout, `${stage.folder}\n`);
  assert.match((await stage.ssh(["-tt", "any@127.0.0.1", "pwd"])).stdout, new RegExp(`^${stage.folder}\r`));
});

scenario("a command that cannot be started says why, and the connection lives on", async () => {
  await using stage = await makeAgentStage({ account: { shell: "/nonexistent/shell" } });
  const { code, stderr } = await stage.ssh(["any@127.0.0.1", "true"]);
  assert.equal(code, 127);
  assert.match(stderr, /Cannot run "\/nonexistent\/shell"/);
  assert.equal((await stage.ssh(["any@127.0.0.1", "true"])).code, 127);
});

scenario("key options keep a client to one command and out of forwarding", async () => {
  await using stage = await makeAgentStage({ keyOptions: 'restrict,command="echo forced: $SSH_ORIGINAL_COMMAND"' });
  const { stdout } = await stage.ssh(["any@127.0.0.1", "rm -rf /"]);
  assert.equal(stdout, "forced: rm -rf /\n");
  const { code, stderr } = await stage.ssh(["-W", "127.0.0.1:1", "any@127.0.0.1"]);
  assert.equal(code, 255);
  assert.match(stderr, /forwarding failed/);
});

scenario("a key that is not listed is not let in", async () => {
  await using stage = await makeAgentStage({ keyOptions: 'expiry-time="20200101Z"' });
  const { code, stderr } = await stage.ssh(["any@127.0.0.1", "true"]);
  assert.equal(code, 255);
  assert.match(stderr, /Permission denied \(publickey\)/);
});
