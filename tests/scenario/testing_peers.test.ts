import assert from "node:assert/strict";
import { join } from "node:path";
import { programPath, pythonWith } from "../support/programs.ts";
import { runToEnd } from "../support/agent_stage.ts";
import { openTerminal } from "../support/terminal.ts";
import { makeTestingStage } from "../support/testing_stage.ts";

const needsSsh = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name: `${name} (needs ssh)`, ignore: programPath("ssh") === null, fn });

needsSsh("ssh gets what a handler writes, and its stdin is in the record", async () => {
  await using stage = await makeTestingStage();
  stage.server.onExec("tee /tmp/x", async (_command, { stdin }) => [await stdin.text(), "warn\n", 5]);
  const { code, stdout, stderr } = await stage.ssh(["127.0.0.1", "tee /tmp/x"], { stdin: "line\n" });
  assert.deepEqual([code, stdout, stderr], [5, "line\n", "warn\n"]);
  const [record] = stage.server.commands;
  assert.deepEqual([record?.stdin, record?.code, record?.isOver, record?.stdoutBytes], ["line\n", 5, true, 5]);
});

needsSsh("exact text, a pattern and a function choose the handler, the last one added first", async () => {
  await using stage = await makeTestingStage();
  const { server } = stage;
  server.handleExec((command) => [`other ${command}\n`, "", 0]);
  server.onExec(/^ls\b/g, { stdout: "pattern\n" });
  server.onExec((command) => command.length > 20, { stdout: "function\n" });
  const removable = server.onExec("ls -l", "exact\n");
  const run = async (command: string) => (await stage.ssh(["127.0.0.1", command])).stdout;
  assert.deepEqual(await Promise.all(["ls -l", "ls", "ls", "x".repeat(21), "df"].map(run)), [
    "exact\n",
    "pattern\n",
    "pattern\n",
    "function\n",
    "other df\n",
  ]);
  removable[Symbol.dispose]();
  assert.equal(await run("ls -l"), "pattern\n");
});

needsSsh("output comes piece by piece, as a generator or a list of steps gives it", async () => {
  await using stage = await makeTestingStage();
  stage.server.onExec("count", () => ({ stdout: countSlowly() }));
  stage.server.onExec("steps", {
    output: [{ stdout: "a\n" }, { delay: "10ms", stderr: "b\n" }, { stdout: "c\n" }],
    code: 2,
  });
  assert.equal((await stage.ssh(["127.0.0.1", "count"])).stdout, "1\n2\n3\n");
  const { stdout, stderr, code } = await stage.ssh(["127.0.0.1", "steps"]);
  assert.deepEqual([stdout, stderr, code], ["a\nc\n", "b\n", 2]);
});

async function* countSlowly(): AsyncGenerator<string, void> {
  for (const n of [1, 2, 3]) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    yield `${n}\n`;
  }
}

needsSsh("an unknown command is not found, and a strict server fails for it", async () => {
  await using stage = await makeTestingStage({ strict: true });
  const { code, stderr } = await stage.ssh(["127.0.0.1", "rm -rf /"]);
  assert.deepEqual([code, stderr], [127, "rm: command not found\n"]);
  assert.equal(stage.server.commands[0]?.isExpected, false);
  await assert.rejects(stage.server.shutdown(), {
    code: "remote_failed",
    message: 'The test server was asked for what no handler was for: "rm -rf /"',
  });
});

needsSsh("a handler that throws costs its own command and no other", async () => {
  await using stage = await makeTestingStage();
  stage.server.onExec("bad", () => {
    throw new Error("boom");
  });
  const { code, stderr } = await stage.ssh(["127.0.0.1", "bad"]);
  assert.deepEqual([code, stderr], [126, "boom\n"]);
  assert.equal((await stage.ssh(["127.0.0.1", "true"])).code, 0);
});

needsSsh("sftp lists, puts and gets with modes and times", async () => {
  await using stage = await makeTestingStage();
  const { server, home } = stage;
  server.addFile("data/in.txt", "from the server\n", { mode: "0640", mtime: 1_000_000_000 });
  const local = join(home.path, "out.txt");
  await Deno.writeTextFile(local, "from here\n");
  await Deno.chmod(local, 0o600);
  const batch = ["pwd", "ls -l data", `get -p data/in.txt ${home.path}/in.txt`, `put -p ${local} data/out.txt`];
  const { code, stdout, stderr } = await stage.copy("sftp", ["-b", "-", "127.0.0.1"], {
    stdin: `${batch.join("\n")}\n`,
  });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Remote working directory: \/home\/testuser/);
  assert.match(stdout, /-rw-r----- .* 16 .*2001 .*in\.txt/);
  const got = await Deno.stat(join(home.path, "in.txt"));
  assert.deepEqual([(got.mode ?? 0) & 0o777, got.mtime?.getTime()], [0o640, 1_000_000_000_000]);
  const uploaded = server.uploaded("/home/testuser/data/out.txt");
  assert.deepEqual([uploaded?.content, uploaded?.mode], ["from here\n", "0600"]);
  assert.deepEqual(server.eventsOf("subsystem").map(({ name }) => name), ["sftp"]);
});

for (const [how, flags] of [["over SFTP", []], ["in its old protocol", ["-O", "-T"]]] as const) {
  needsSsh(`scp copies both ways ${how}, names with spaces too`, async () => {
    await using stage = await makeTestingStage();
    const { server, home } = stage;
    const local = join(home.path, "a file");
    await Deno.writeTextFile(local, "content\n");
    const target = how === "over SFTP" ? "/srv/new folder/a file" : "'/srv/new folder/a file'";
    const up = await stage.copy("scp", [...flags, "-p", local, `127.0.0.1:${target}`]);
    assert.equal(up.code, 0, up.stderr);
    assert.equal(server.uploaded("/srv/new folder/a file")?.content, "content\n");
    const down = await stage.copy("scp", [...flags, `127.0.0.1:${target}`, join(home.path, "back")]);
    assert.equal(down.code, 0, down.stderr);
    assert.equal(await Deno.readTextFile(join(home.path, "back")), "content\n");
  });
}

needsSsh("a terminal gets a prompt, an echo, handlers, Ctrl-C and window changes", async () => {
  await using stage = await makeTestingStage();
  const { server } = stage;
  server.onExec("uptime", "up 3 days\n");
  server.onExec("sleep", () => new Promise<void>(() => {}));
  const args = [...stage.options, "-tt", "-p", String(server.port), "127.0.0.1"];
  await using terminal = openTerminal(programPath("ssh") ?? "ssh", args);
  await terminal.waitFor(/\$ $/);
  await terminal.type("uptimm\x7fe\r");
  await terminal.waitFor(/up 3 days\r\n\$ $/);
  terminal.resize({ cols: 100, rows: 40 });
  const { size } = await server.waitFor("resize");
  assert.deepEqual([size.cols, size.rows], [100, 40]);
  await terminal.type("sleep\r");
  await server.waitFor("shell");
  await terminal.waitFor(/sleep\r\n/);
  await terminal.type("\x03");
  await terminal.waitFor(/\^C\r\n\$ $/);
  await terminal.type("exit 7\r");
  assert.equal((await terminal.exit).code, 7);
  const [shell] = server.eventsOf("shell");
  assert.deepEqual([shell?.pty?.term, shell?.pty?.size.cols, shell?.pty?.size.rows], ["xterm-256color", 91, 27]);
  assert.deepEqual(shell?.record.signals, ["INT"]);
});

needsSsh("a scripted shell talks as it likes", async () => {
  await using stage = await makeTestingStage();
  stage.server.onShell(async ({ stdin, stdout, env }) => {
    await stdout(`lang ${env.get("LANG")}\n`);
    await stdout((await stdin.text()).toUpperCase());
    return { code: 4 };
  });
  const { stdout, code } = await stage.ssh(["-T", "-o", "SetEnv=LANG=xx", "127.0.0.1"], { stdin: "shout\n" });
  assert.deepEqual([stdout, code], ["lang xx\nSHOUT\n", 4]);
});

Deno.test({
  name: "ssh-copy-id adds a key to the server's list (needs ssh-copy-id)",
  ignore: programPath("ssh-copy-id") === null,
  async fn() {
    await using stage = await makeTestingStage();
    const { server, home } = stage;
    const fresh = join(home.path, "fresh");
    await Deno.mkdir(join(home.path, ".ssh"), { mode: 0o700 });
    await runToEnd("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", fresh]);
    const options = stage.options.filter((word, at, all) => word !== "-F" && all[at - 1] !== "-F");
    const args = ["-i", `${fresh}.pub`, "-p", String(server.port), ...options, "127.0.0.1"];
    const { code, stderr } = await runToEnd("ssh-copy-id", args, { env: home.environment() });
    assert.equal(code, 0, stderr);
    const login = await runToEnd("ssh", [
      ...stage.options,
      "-o",
      `IdentityFile=${fresh}`,
      "-p",
      String(server.port),
      "127.0.0.1",
      "true",
    ]);
    assert.equal(login.code, 0, login.stderr);
  },
});

const PARAMIKO = `
import sys, paramiko
port, key, known = sys.argv[1:]
client = paramiko.SSHClient()
client.load_host_keys(known)
client.connect("127.0.0.1", int(port), "testuser", key_filename=key, look_for_keys=False, allow_agent=False)
_, stdout, stderr = client.exec_command("uptime")
print(stdout.read().decode(), stderr.read().decode(), stdout.channel.recv_exit_status())
sftp = client.open_sftp()
with sftp.open("/etc/conf", "w") as f: f.write("a = 1\\n")
sftp.chmod("/etc/conf", 0o600)
print(sftp.open("/etc/motd").read().decode(), sftp.listdir("/etc"))
shell = client.invoke_shell(width=77, height=11)
shell.send(b"uptime\\n")
data = b""
while b"up 3 days" not in data: data += shell.recv(1000)
shell.send(b"exit\\n")
print(shell.recv_exit_status())
client.close()
`;

Deno.test({
  name: "paramiko runs commands, moves files and opens a shell (needs paramiko)",
  ignore: pythonWith("paramiko") === null,
  async fn() {
    await using stage = await makeTestingStage();
    const { server, key, knownHostsFile } = stage;
    server.onExec("uptime", { stdout: "up 3 days\n", stderr: "e", code: 2 });
    server.addFile("/etc/motd", "welcome");
    const script = join(stage.home.path, "peer.py");
    await Deno.writeTextFile(script, PARAMIKO);
    const args = [script, String(server.port), key.path, knownHostsFile];
    const { code, stdout, stderr } = await runToEnd(pythonWith("paramiko") ?? "python3", args);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "up 3 days\n e 2\nwelcome ['motd', 'conf']\n2\n");
    assert.deepEqual([server.uploaded("/etc/conf")?.content, server.uploaded("/etc/conf")?.mode], ["a = 1\n", "0600"]);
    const [shell] = server.eventsOf("shell");
    assert.deepEqual([shell?.pty?.size.cols, shell?.pty?.size.rows], [77, 11]);
  },
});

const ASYNCSSH = `
import asyncio, sys, asyncssh
port, key, known = sys.argv[1:]
async def main():
    async with asyncssh.connect("127.0.0.1", int(port), username="testuser", client_keys=[key], known_hosts=known, config=None) as conn:
        process = await conn.create_process("forever")
        process.send_signal("USR1")
        print((await process.stdout.readline()).strip())
        process.send_signal("TERM")
        await process.wait()
        print(process.exit_signal[0], process.exit_status)
        other = await conn.create_process("deaf")
        print((await other.stdout.readline()).strip())
        other.send_signal("TERM")
        other.send_signal("KILL")
        await other.wait()
        print(other.exit_signal[0])
asyncio.run(main())
`;

Deno.test({
  name: "signals reach a handler, and end a command that does nothing about them (needs asyncssh)",
  ignore: pythonWith("asyncssh") === null,
  async fn() {
    await using stage = await makeTestingStage();
    const { server, key, knownHostsFile } = stage;
    server.onExec("forever", (_command, io) =>
      new Promise<void>(() => {
        const listening = io.onSignal((name) => {
          io.stdout(`got ${name}\n`).catch(() => {});
          listening[Symbol.dispose]();
        });
      }));
    server.onExec("deaf", { output: [{ stdout: "here\n" }, { delay: "1h" }], ignoresSignals: true });
    const script = join(stage.home.path, "peer.py");
    await Deno.writeTextFile(script, ASYNCSSH);
    const args = [script, String(server.port), key.path, knownHostsFile];
    const { code, stdout, stderr } = await runToEnd(pythonWith("asyncssh") ?? "python3", args);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "got USR1\nTERM -1\nhere\nKILL\n");
    assert.deepEqual(server.commands.map(({ signals, endedBy }) => [signals, endedBy]), [
      [["USR1", "TERM"], "TERM"],
      [["TERM", "KILL"], "KILL"],
    ]);
  },
});
