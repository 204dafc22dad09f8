import assert from "node:assert/strict";
import { join } from "node:path";
import { sessionMembers } from "../../src/agent/sessions/process_group.ts";
import { type Outcome, PORTHOLE, runAt } from "../support/porthole.ts";
import { hasProgram } from "../support/programs.ts";
import { makeTempHome, type TempHome } from "../support/temp_home.ts";

/** porthole in one home: what a person types, one line after another. */
interface Person {
  readonly home: TempHome;
  porthole(...args: string[]): Promise<Outcome>;
  run(...argv: [string, ...string[]]): Promise<Outcome>;
}

function story(title: string, fn: (person: Person) => Promise<void>): void {
  Deno.test({
    name: `${title} (needs ssh)`,
    ignore: Deno.build.os === "windows" || !hasProgram("ssh"),
    async fn() {
      await using home = await makeTempHome();
      const person: Person = {
        home,
        porthole: (...args) => runAt(home, [...PORTHOLE, ...args]),
        run: (...argv) => runAt(home, argv),
      };
      try {
        await fn(person);
      } finally {
        await cleanUp(person);
      }
    },
  });
}

async function cleanUp({ home, porthole, run }: Person): Promise<void> {
  const config = join(home.path, ".ssh", "config");
  for (const line of (await porthole("list", "--json")).stdout.trim().split("\n").filter(Boolean)) {
    const { name, phase } = JSON.parse(line);
    await run("ssh", "-F", config, "-O", "exit", name);
    if (phase !== "ended") await porthole("stop", name);
  }
}

story(
  "a person launches a job, connects, runs commands and copies files, reads its log and stops it",
  async (person) => {
    const { home, porthole, run } = person;
    const config = join(home.path, ".ssh", "config");
    const launched = await porthole(
      "launch",
      "--name",
      "train",
      "--detach",
      "--",
      "sh",
      "-c",
      "echo step 1; exec sleep 600",
    );
    assert.deepEqual([launched.code, launched.stdout], [0, "train\n"]);
    assert.match(launched.stderr, /porthole connect train --write-config && ssh train/);

    const connected = await porthole("connect", "train", "--write-config");
    assert.equal(connected.code, 0, connected.stderr);
    for (
      const line of ["Host train", "StrictHostKeyChecking yes", "HostKeyAlias porthole-local-train-a0-0", "proxy %h"]
    ) {
      assert.ok(connected.stdout.includes(line), line);
    }

    const status = await run("ssh", "-F", config, "train", "echo out; echo err >&2; exit 7");
    assert.deepEqual(status, { code: 7, stdout: "out\n", stderr: "err\n" });
    assert.deepEqual(await porthole("ssh", "train", "printf", "'%s-'", "a", "-la", "--json"), {
      code: 0,
      stdout: "a--la---json-",
      stderr: "",
    });

    const listed = await porthole("list", "--json");
    assert.match(listed.stdout, /"name":"train","phase":"running"/);
    const logs = await porthole("logs", "train");
    assert.match(logs.stdout, /^SSH debug server is ready\nHost key fingerprint: SHA256:\S+\nstep 1\n$/);

    const again = await porthole("launch", "--name", "train", "--", "true");
    assert.equal(again.code, 2);
    assert.match(again.stderr, /Cannot launch "train": a run of that name is still there/);

    assert.deepEqual((await porthole("stop", "train")).stdout, "Stopped train\n");
    assert.deepEqual((await porthole("stop", "train")).code, 0);
    const gone = await porthole("connect", "train", "--timeout", "5s");
    assert.equal(gone.code, 255);
    assert.match(gone.stderr, /The run "train" has ended/);
    assert.match(gone.stderr, /porthole logs train/);
  },
);

story("a job that failed is held for a look, its status told and passed on", async ({ porthole }) => {
  await porthole(
    "launch",
    "--name",
    "broken",
    "--detach",
    "--hold",
    "on-failure",
    "--",
    "sh",
    "-c",
    "echo why; exit 3",
  );
  assert.equal((await porthole("connect", "broken")).code, 0);
  const listed = await porthole("list");
  assert.match(listed.stdout, /^broken\s+held \(3\)/);
  assert.equal((await porthole("ssh", "broken", "echo inside")).stdout, "inside\n");
  await porthole("stop", "broken");
  assert.match((await porthole("list")).stdout, /^broken\s+ended \(3\)/);
});

story("of those who launch the same name at one moment, one does", async ({ porthole }) => {
  await porthole("keys", "ensure");
  const launch = () => porthole("launch", "--name", "one", "--detach", "--hold", "always", "--", "true");
  const outcomes = await Promise.all(Array.from({ length: 6 }, launch));
  assert.equal(outcomes.filter(({ code }) => code === 0).length, 1);
  for (const { code, stderr } of outcomes) {
    if (code !== 0) assert.match(stderr, /^porthole: Cannot launch "one": a run of that name is still there\n/);
  }
  assert.equal((await porthole("connect", "one")).code, 0);
});

story("stop ends what the job has started too, also what would rather stay", async ({ porthole, home }) => {
  const script = `sleep 610 & (trap "" TERM HUP; echo > ready; sleep 611) & wait`;
  await porthole("launch", "--name", "family", "--detach", "--", "sh", "-c", script);
  const leader = JSON.parse(await Deno.readTextFile(join(home.portholeHome, "runs", "family", "run.json"))).pid;
  while (!await Deno.stat(join(home.path, "ready")).catch(() => undefined)) await porthole("list");
  assert.deepEqual((await porthole("stop", "family")).stdout, "Stopped family\n");
  assert.deepEqual(sessionMembers(leader), []);
});

story("a job can be stopped at once, before its agent is up", async ({ porthole }) => {
  await porthole("launch", "--name", "brief", "--detach", "--", "sleep", "600");
  assert.deepEqual((await porthole("stop", "brief")).stdout, "Stopped brief\n");
  assert.match((await porthole("list")).stdout, /^brief\s+ended/);
});

story("a job in the foreground shows its output and gives its exit status", async ({ porthole }) => {
  const shown = await porthole(
    "launch",
    "--name",
    "short",
    "--hold",
    "never",
    "--",
    "sh",
    "-c",
    "echo one; echo two >&2; exit 5",
  );
  assert.equal(shown.code, 5);
  assert.match(shown.stdout, /one\ntwo\n$/);
});

story("what is not there is named, with the next command", async ({ porthole }) => {
  assert.deepEqual(await porthole("connect", "nobody"), {
    code: 2,
    stdout: "",
    stderr:
      'porthole: Cannot find the run "nobody": no job of this machine is called that, and no platform is configured\n' +
      "  porthole list shows the jobs here; for a platform, log in first: porthole auth login --on union|valohai\n",
  });
  const ssh = await porthole("ssh", "nobody");
  assert.equal(ssh.code, 2);
  assert.match(ssh.stderr, /^porthole: Cannot find a target named "nobody"\n {2}porthole connect RUN/);
  const proxy = await porthole("proxy", "-oProxyCommand=evil");
  assert.equal(proxy.code, 2);
  assert.equal(proxy.stdout, "");
  const json = await porthole("connect", "nobody", "--json");
  assert.equal(JSON.parse(json.stderr).error.code, "not_found");
});

story("a target found by its URL takes the host keys that the agent tells", async ({ porthole, run, home }) => {
  await porthole("launch", "--name", "plain", "--detach", "--", "sleep", "600");
  await porthole("connect", "plain");
  const state = JSON.parse(await Deno.readTextFile(join(home.portholeHome, "runs", "plain", "state.json")));
  const url = `ws://127.0.0.1:${state.port}/any/path?target_port=6060`;
  const connected = await porthole("connect", url, "--name", "by-url", "--write-config", "--json");
  assert.equal(connected.code, 0, connected.stderr);
  const item = JSON.parse(connected.stdout);
  assert.equal(item.hostKeyFingerprints.length, 1);
  assert.match(item.sshConfig, /StrictHostKeyChecking yes/);
  const config = join(home.path, ".ssh", "config");
  assert.equal((await run("ssh", "-F", config, "by-url", "echo hello")).stdout, "hello\n");
  await run("ssh", "-F", config, "-O", "exit", "by-url");

  await Deno.writeTextFile(join(home.portholeHome, "known_hosts"), connected.stdout.slice(0, 0));
  const unknown = await run("ssh", "-F", config, "-o", "BatchMode=yes", "by-url", "true");
  assert.equal(unknown.code, 255);
  assert.match(unknown.stderr, /No ED25519 host key is known|Host key verification failed/);
});

story("ssh ends at once, and says why, when the agent of a local run is killed", async ({ porthole, home }) => {
  await porthole("launch", "--name", "killed", "--detach", "--", "sleep", "600");
  await porthole("connect", "killed", "--write-config", "--no-multiplex");
  const shell = new Deno.Command("ssh", {
    args: ["-F", join(home.path, ".ssh", "config"), "killed", "echo in; exec sleep 600"],
    env: home.environment(),
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = shell.stdout.getReader();
  await output.read();
  const state = JSON.parse(await Deno.readTextFile(join(home.portholeHome, "runs", "killed", "state.json")));
  Deno.kill(state.pid, "SIGKILL");
  const [{ code }, stderr] = await Promise.all([shell.status, new Response(shell.stderr).text()]);
  await output.cancel();
  assert.equal(code, 255);
  assert.match(stderr, /The session was lost: .*The run behind "killed" has ended/);
});
