import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually, isAlive, runToEnd } from "../support/agent_stage.ts";
import { PORTHOLE } from "../support/porthole.ts";
import { hasProgram, pythonWith } from "../support/programs.ts";
import { makeTempHome, type TempHome } from "../support/temp_home.ts";

interface RunningServer extends AsyncDisposable {
  readonly ready: Readonly<Record<string, string>> & { readonly port: number };
  readonly child: Deno.ChildProcess;
  /** Asks it for something; the reply's result. */
  ask(request: Readonly<Record<string, unknown>>): Promise<unknown>;
  nextLine(): Promise<Record<string, unknown>>;
  closeStdin(): Promise<void>;
  /** Closes the reading end of its stdout. */
  leaveStdout(): Promise<void>;
}

async function startServer(home: TempHome, args: readonly string[] = []): Promise<RunningServer> {
  const [program, ...words] = PORTHOLE;
  const child = new Deno.Command(program, {
    args: [...words, "test-server", "--json", ...args],
    env: home.environment(),
    clearEnv: true,
    cwd: home.path,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const writer = child.stdin.getWriter();
  let rest = "";
  let isOpen = true;
  const nextLine = async (): Promise<Record<string, unknown>> => {
    for (;;) {
      const end = rest.indexOf("\n");
      if (end >= 0) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 1);
        return JSON.parse(line);
      }
      const { done, value } = await lines.read();
      if (done) throw new Error(`porthole test-server ended: ${rest}`);
      rest += value;
    }
  };
  const closeStdin = async () => {
    if (isOpen) await writer.close();
    isOpen = false;
  };
  const ready = await nextLine() as unknown as RunningServer["ready"];
  return {
    ready,
    child,
    nextLine,
    closeStdin,
    leaveStdout: () => lines.cancel(),
    async ask(request) {
      await writer.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
      return (await nextLine()).result;
    },
    async [Symbol.asyncDispose]() {
      await closeStdin().catch(() => {/* it has ended already */});
      await child.status;
      await lines.cancel();
    },
  };
}

const sshTo = ({ ready }: RunningServer, home: TempHome, command: string) =>
  runToEnd("ssh", [
    ...["-F", "none", "-i", String(ready.clientKey), "-p", String(ready.port), "-o", "BatchMode=yes"],
    ...["-o", `UserKnownHostsFile=${join(home.path, "known")}`, "-o", "GlobalKnownHostsFile=none"],
    `${ready.user}@${ready.host}`,
    command,
  ]);

Deno.test({
  name:
    "porthole test-server tells where it is on one line, serves, answers requests and ends with its stdin (needs ssh)",
  ignore: !hasProgram("ssh"),
  async fn() {
    await using home = await makeTempHome();
    await Deno.writeTextFile(join(home.path, "motd"), "welcome\n");
    await Deno.writeTextFile(
      join(home.path, "script.json"),
      JSON.stringify({
        user: "ci",
        files: [{ path: "/etc/conf", content: "a=1\n", mode: "0600" }],
        exec: [{ pattern: "^deploy ", output: [{ stdout: "one\n" }, { delay: "5ms", stderr: "two\n" }], code: 3 }],
        faults: [{ name: "no-exit-status", times: 1 }],
      }),
    );
    const args = ["--script", "script.json", "--exec", "uptime=up 3 days", "--file", "/etc/motd=motd"];
    await using server = await startServer(home, args);
    const { ready } = server;
    assert.equal(ready.event, "ready");
    assert.match(String(ready.hostKey), /^ssh-ed25519 \S+$/);
    assert.equal((await Deno.stat(String(ready.clientKey))).isFile, true);
    await Deno.writeTextFile(join(home.path, "known"), `${ready.knownHostsLine}\n`);
    assert.equal((await sshTo(server, home, "uptime")).code, 255);
    const uptime = await sshTo(server, home, "uptime");
    assert.deepEqual([uptime.code, uptime.stdout], [0, "up 3 days\n"]);
    const deploy = await sshTo(server, home, "deploy web");
    assert.deepEqual([deploy.code, deploy.stdout, deploy.stderr], [3, "one\n", "two\n"]);
    const commands = await server.ask({ id: 1, do: "commands" }) as { command: string; user: string }[];
    assert.deepEqual(commands.map(({ command, user }) => [command, user]), [
      ["uptime", "ci"],
      ["uptime", "ci"],
      ["deploy web", "ci"],
    ]);
    assert.equal(await server.ask({ do: "uploaded", path: "/nothing" }), null);
    assert.equal(await server.ask({ do: "onExec", command: "late", stdout: "now\n" }), null);
    assert.equal((await sshTo(server, home, "late")).stdout, "now\n");
    await server.closeStdin();
    assert.equal((await server.child.status).code, 0);
    await assert.rejects(Deno.stat(String(ready.clientKey)), Deno.errors.NotFound);
  },
});

Deno.test("porthole test-server ends on SIGTERM, and takes its key along", async () => {
  await using home = await makeTempHome();
  await using server = await startServer(home, ["--ends-with", "nothing"]);
  server.child.kill("SIGTERM");
  assert.equal((await server.child.status).code, 0);
  await assert.rejects(Deno.stat(String(server.ready.clientKey)), Deno.errors.NotFound);
});

Deno.test("porthole test-server tells what happens with --events", async () => {
  await using home = await makeTempHome();
  await using server = await startServer(home, ["--events"]);
  (await Deno.connect({ hostname: "127.0.0.1", port: server.ready.port })).close();
  const { event, type, via } = await server.nextLine();
  assert.deepEqual([event, type, via], ["happened", "connection", "tcp"]);
});

Deno.test({
  name: "porthole test-server ends when its parent was killed, also with nothing on stdin (needs sh)",
  ignore: Deno.build.os === "windows" || !hasProgram("sh"),
  async fn() {
    await using home = await makeTempHome();
    const words = [...PORTHOLE, "test-server", "--json"].map((word) => `'${word}'`).join(" ");
    const parent = new Deno.Command("sh", {
      args: ["-c", `${words} < /dev/null & wait`],
      env: home.environment(),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = parent.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) {
      const { done, value } = await reader.read();
      assert.equal(done, false, `it ended: ${text}`);
      text += value;
    }
    const { pid } = JSON.parse(text);
    parent.kill("SIGKILL");
    await parent.status;
    await eventually("the server has ended", () => !isAlive(pid));
    await reader.cancel();
  },
});

Deno.test({
  name: "porthole test-server exits with 1 when it is strict and was asked for the unexpected (needs ssh)",
  ignore: !hasProgram("ssh"),
  async fn() {
    await using home = await makeTempHome();
    await using server = await startServer(home, ["--strict"]);
    await Deno.writeTextFile(join(home.path, "known"), `${server.ready.knownHostsLine}\n`);
    assert.equal((await sshTo(server, home, "surprise")).code, 127);
    await server.closeStdin();
    assert.equal((await server.child.status).code, 1);
  },
});

Deno.test("porthole test-server takes its key along when nobody reads what it tells", async () => {
  await using home = await makeTempHome();
  await using server = await startServer(home, ["--events"]);
  await server.leaveStdout();
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: server.ready.port });
  (await connect()).close();
  assert.equal((await server.child.status).code, 141);
  await assert.rejects(Deno.stat(String(server.ready.clientKey)), Deno.errors.NotFound);
});

Deno.test("porthole test-server names what is wrong with a fault, a script and a file", async () => {
  await using home = await makeTempHome();
  await Deno.writeTextFile(join(home.path, "bad.json"), '{"exec": [{"stdout": "x"}]}');
  const [program, ...words] = PORTHOLE;
  const run = async (...args: string[]) =>
    await runToEnd(program, [...words, "test-server", ...args], { env: home.environment(), cwd: home.path });
  const outcomes = [
    [await run("--fault", "slow"), /There is no fault named "slow"\n.*Faults are refuse, drop/s],
    [await run("--fault", "http-status=500"), /Cannot use the fault "http-status": status must be one of 301/],
    [await run("--script", "bad.json"), /Cannot use the script "bad\.json": an exec needs "command"/],
    [await run("--file", "/etc/motd=none"), /Cannot read "none": it does not exist/],
    [await run("--hostname", "192.0.2.1"), /Cannot listen on "192\.0\.2\.1:0": .*\n.*name an address of this machine/],
    [await run("--json", "--port", "many"), /^\{"error":\{"code":"usage","message":"Cannot parse --port as a whole/],
  ] as const;
  for (const [{ code, stderr }, pattern] of outcomes) {
    assert.equal(code, 2);
    assert.match(stderr, pattern);
  }
});

const PYTEST = `
import base64, json, subprocess, sys, paramiko
words = json.loads(sys.argv[1])
process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
server = json.loads(process.stdout.readline())
client = paramiko.SSHClient()
key = paramiko.Ed25519Key(data=base64.b64decode(server["hostKey"].split()[1]))
client.get_host_keys().add("[%s]:%d" % (server["host"], server["port"]), "ssh-ed25519", key)
client.connect(server["host"], server["port"], server["user"], key_filename=server["clientKey"], allow_agent=False, look_for_keys=False)
print(client.exec_command("uptime")[1].read().decode(), end="")
client.close()
process.stdin.close()
print(process.wait(timeout=10))
`;

Deno.test({
  name: "porthole test-server serves a test in Python (needs paramiko)",
  ignore: pythonWith("paramiko") === null,
  async fn() {
    await using home = await makeTempHome();
    const words = [...PORTHOLE, "test-server", "--json", "--exec", "uptime=up 3 days"];
    const args = ["-c", PYTEST, JSON.stringify(words)];
    const { code, stdout, stderr } = await runToEnd(pythonWith("paramiko") ?? "python3", args, {
      env: home.environment(),
    });
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "up 3 days\n0\n");
  },
});
