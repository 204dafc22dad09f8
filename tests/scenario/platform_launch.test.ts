import assert from "node:assert/strict";
import { PORTHOLE, runAt } from "../support/porthole.ts";
import { startSshBanner } from "../support/ssh_banner.ts";
import { makeUnionFixture, ROBOT, ROBOT_ENV, type UnionFixture } from "../support/union_client.ts";
import { attempt } from "../support/union_provider.ts";
import { aRun } from "../support/union_server.ts";

const IDE = { uri: "/dataplane/pod/v1/x/6060/task/a/b/", name: "VS Code Debugger", linkType: "IDE", ready: true };

async function stage(): Promise<UnionFixture> {
  const stack = new AsyncDisposableStack();
  const banner = stack.use(startSshBanner());
  const fixture = stack.use(await makeUnionFixture({ admin: ROBOT, now: Date.now, podPort: banner.port }));
  fixture.server.addRun(aRun("source"));
  fixture.server.createdLooks = [attempt("INITIALIZING"), attempt("RUNNING", { logInfo: [IDE] })];
  return { ...fixture, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function launch({ home }: UnionFixture, ...args: string[]) {
  return await runAt(home, [...PORTHOLE, "launch", ...args], ROBOT_ENV);
}

Deno.test("porthole launch --rerun RUN [ACTION] waits for the run and prints its block; again, it finds the live one", async () => {
  await using at = await stage();
  const first = await launch(at, "--poll-interval", "10ms", "--rerun", "source", "a0");
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /^Host (ssh-source-[0-9a-f]{8})\n {4}HostName \1\n/);
  const name = first.stdout.split(/\s/)[1];
  assert.match(
    first.stderr,
    new RegExp(`^Launched ${name} on union\n${name}: QUEUED\n${name}: INITIALIZING\n.*Next: porthole ssh ${name}`, "s"),
  );
  const again = await launch(at, "--poll-interval", "10ms", "--write-config", "--rerun", "source");
  assert.equal(again.code, 0, again.stderr);
  assert.equal(again.stdout, first.stdout);
  assert.match(
    again.stderr,
    new RegExp(
      `^Found ${name} on union, which an earlier launch started and which is RUNNING\n.*Next: ssh ${name}\n$`,
      "s",
    ),
  );
  assert.equal(at.server.created.length, 1);
  assert.match(await Deno.readTextFile(`${at.home.path}/.ssh/config`), new RegExp(`^Host ${name}$`, "m"));
});

Deno.test("porthole launch --no-wait returns at once with the name, and tells how to get in", async () => {
  await using at = await stage();
  const { code, stdout, stderr } = await launch(at, "--no-wait", "--name", "debug-me", "--rerun", "source");
  assert.deepEqual({ code, stdout, stderr }, {
    code: 0,
    stdout: "debug-me\n",
    stderr: "Launched debug-me on union\nTo get in: porthole connect debug-me --on union --write-config\n",
  });
  assert.equal(at.server.calls("GetActionDetails").length, 0);
});

Deno.test("porthole launch takes flags behind --rerun RUN ACTION, since what stands there is no command", async () => {
  await using at = await stage();
  const { code, stdout } = await launch(at, "--rerun", "source", "a0", "--no-wait", "--name", "debug-me");
  assert.deepEqual([code, stdout], [0, "debug-me\n"]);
  assert.equal(at.server.created.length, 1);
});

Deno.test("porthole launch --json tells of the run as soon as it is there, then of the host", async () => {
  await using at = await stage();
  const { stdout, stderr } = await launch(at, "--json", "--poll-interval", "10ms", "--rerun", "source");
  const items = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(items.map(({ kind, isNew, isConnecting }) => ({ kind, isNew, isConnecting })), [
    { kind: "run", isNew: true, isConnecting: true },
    { kind: "connected", isNew: undefined, isConnecting: undefined },
  ]);
  assert.equal(items[1].alias, items[0].name);
  assert.equal(stderr, "");
});

Deno.test("porthole launch whose wait ends too early says that the run goes on", async () => {
  await using at = await stage();
  at.server.createdLooks = [];
  const { code, stdout, stderr } = await launch(at, "--timeout", "100ms", "--name", "slow", "--rerun", "source");
  assert.deepEqual([code, stdout], [255, ""]);
  assert.match(
    stderr,
    /^slow goes on: porthole connect slow --on union gets in later, porthole stop slow --on union ends it\nporthole: Cannot reach "slow" within 100ms; the last that was seen: QUEUED\n/m,
  );
});

Deno.test("porthole launch refuses words and flags that it would have to ignore, before anything is sent", async () => {
  await using at = await stage();
  const refused: [string[], RegExp][] = [
    [
      ["--rerun", "source", "a0", "a1", "--no-wait"],
      /^porthole: Cannot use "a1" behind --rerun source: one action's name may stand there\n/,
    ],
    [["--action", "a1", "--rerun", "source", "a0"], /^porthole: Cannot use "a0" behind --rerun source/],
    [["--no-wait", "--timeout", "3s", "--rerun", "source"], /^porthole: Cannot use --timeout together with --no-wait/],
    [["--write-config", "--", "true"], /^porthole: Cannot use --write-config with a job of this machine\n/],
    [["--name", "a b", "--rerun", "source"], /^porthole: Cannot use "a b" as the name of a target\n/],
    [["--rerun", "source", "--step", "train"], /^porthole: Cannot use --rerun with local: it is for union\n/],
  ];
  for (const [args, expected] of refused) {
    const { code, stdout, stderr } = await launch(at, ...args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, expected);
  }
  assert.deepEqual(at.server.seen.filter(({ path }) => path.includes("RunService")), []);
});

Deno.test("porthole launch does not pass a live run off as one with another environment", async () => {
  await using at = await stage();
  assert.equal((await launch(at, "--no-wait", "--env", "A=1", "--rerun", "source")).code, 0);
  assert.equal((await launch(at, "--no-wait", "--env", "A=1", "--rerun", "source")).code, 0);
  const other = await launch(at, "--no-wait", "--env", "A=2", "--rerun", "source");
  assert.equal(other.code, 2);
  assert.match(
    other.stderr,
    /^porthole: The run "ssh-source-\w+" is there already, with another value of A\n.*--name, or stop that one: porthole stop --on union ssh-source-/,
  );
});
