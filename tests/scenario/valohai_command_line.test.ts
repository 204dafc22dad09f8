import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fingerprint, parsePublicKey } from "../../src/ssh/keys/public_key.ts";
import { hasProgram } from "../support/programs.ts";
import { freePort, run, startSshd, type TestSshd } from "../support/sshd.ts";
import { makeTempHome, type TempHome } from "../support/temp_home.ts";
import { startValohaiServer, VALOHAI_TOKEN, type ValohaiServer } from "../support/valohai_server.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PORTHOLE = ["run", "-A", "--quiet", "--no-prompt", `--config=${join(ROOT, "deno.json")}`, join(ROOT, "main.ts")];
const NEEDS_SSH = !hasProgram("ssh") || !hasProgram("sshd");

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home with Valohai's API and a real sshd behind one of its executions. */
class Stage implements AsyncDisposable {
  constructor(
    readonly home: TempHome,
    readonly server: ValohaiServer,
    readonly sshd: TestSshd,
    private readonly folder: string,
  ) {}

  /** Runs porthole with `args` and `input` on its stdin. */
  async porthole(
    args: readonly string[],
    { input = "", env = {} }: { input?: string; env?: Record<string, string> } = {},
  ) {
    const child = this.spawn(args, env);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) } satisfies Outcome;
  }

  spawn(args: readonly string[], env: Record<string, string> = {}): Deno.ChildProcess {
    return new Deno.Command(Deno.execPath(), {
      args: [...PORTHOLE, ...args],
      cwd: this.home.path,
      clearEnv: true,
      env: this.home.environment({ VALOHAI_HOST: this.server.origin, VALOHAI_PROJECT: "digits", ...env }),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Lets the key in that the execution was created with: what Valohai's worker does. */
  async admitDebugKey(): Promise<void> {
    const created = this.server.requests.find(({ method }) => method === "POST")?.body;
    const key = /"debug_key":"([^"]*)"/.exec(JSON.stringify(created))?.[1] ?? "";
    await Deno.writeTextFile(join(this.sshd.folder, "authorized_keys"), `${key}\n`);
  }

  /** From a log-in to a target called `job`. */
  async connected(): Promise<void> {
    const login = await this.porthole(["auth", "login", "--on", "valohai"], { input: `${VALOHAI_TOKEN}\n` });
    assert.equal(login.code, 0, login.stderr);
    const launch = await this.porthole(["launch", "--on", "valohai", "--step", "train", "--no-wait"]);
    assert.equal(launch.code, 0, launch.stderr);
    assert.equal(launch.stdout, "1\n");
    await this.admitDebugKey();
    const connect = await this.porthole([
      ...["connect", "1", "--on", "valohai", "--name", "job", "--user", this.sshd.user],
      ...["--poll-interval", "10ms", "--timeout", "30s"],
    ]);
    assert.equal(connect.code, 0, connect.stderr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    assert.deepEqual(this.server.violations, []);
    await this.sshd[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
    await this.home[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function stage(sshPort?: number): Promise<Stage> {
  const folder = await Deno.makeTempDir();
  const sshd = await startSshd(folder);
  const server = startValohaiServer({ createdSsh: { address: "127.0.0.1", port: sshPort ?? sshd.port } });
  return new Stage(await makeTempHome(), server, sshd, folder);
}

function test(name: string, fn: (at: Stage) => Promise<void>, sshPort?: () => number): void {
  Deno.test({
    name: `${name} (needs ssh and sshd)`,
    ignore: NEEDS_SSH,
    async fn() {
      await using at = await stage(sshPort?.());
      await fn(at);
    },
  });
}

/** Every file below `folder` in which `secret` stands, with its mode. */
async function filesWith(folder: string, secret: string, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) found.push(...await filesWith(path, secret, `${prefix}${name}/`));
    if (!isFile || !(await Deno.readTextFile(path)).includes(secret)) continue;
    const { mode } = await Deno.stat(path);
    found.push(`${prefix}${name} ${((mode ?? 0) & 0o777).toString(8)}`);
  }
  return found;
}

test("a user logs in, launches a step, connects and runs a command with one key for all of it", async (at) => {
  await at.connected();
  const ssh = await at.porthole(["ssh", "--no-multiplex", "job", "echo", "in", "the", "job"]);
  assert.deepEqual({ code: ssh.code, stdout: ssh.stdout }, { code: 0, stdout: "in the job\n" }, ssh.stderr);
  const again = await at.porthole(["connect", "1", "--name", "job", "--user", at.sshd.user, "--json"]);
  const kept = await fingerprint(parsePublicKey(at.sshd.hostKey).blob);
  assert.deepEqual(JSON.parse(again.stdout).hostKeyFingerprints, [kept]);
  const files = await filesWith(at.home.portholeHome, VALOHAI_TOKEN);
  const port = new URL(at.server.origin).port;
  assert.deepEqual(files, [`tokens/valohai-127.0.0.1_${port}.json 600`]);
});

test("connect tells the firewall rules when the execution's port refuses", async (at) => {
  const login = await at.porthole(["auth", "login", "--on", "valohai"], { input: VALOHAI_TOKEN });
  assert.equal(login.code, 0, login.stderr);
  await at.porthole(["launch", "--on", "valohai", "--step", "train", "--no-wait"]);
  const connect = await at.porthole(
    ["connect", "1", "--on", "valohai", "--timeout", "2s", "--poll-interval", "50ms"],
  );
  assert.equal(connect.code, 255);
  assert.match(connect.stderr, /Cannot reach execution #1 at 127\.0\.0\.1:\d+: the connection was refused/);
  assert.match(connect.stderr, /aws ec2 authorize-security-group-ingress .*127\.0\.0\.1\/32/);
  assert.match(connect.stderr, /gcloud compute firewall-rules create valohai-fr-worker-ssh/);
  assert.match(connect.stderr, /az network nsg rule create .*AllowValohaiSSH/);
  assert.doesNotMatch(connect.stderr, /0\.0\.0\.0\/0/);
}, freePort);

test("connect tells which key the execution has when it does not let the offered one in", async (at) => {
  await at.porthole(["auth", "login", "--on", "valohai"], { input: VALOHAI_TOKEN });
  await at.porthole(["launch", "--on", "valohai", "--step", "train", "--no-wait"]);
  const other = join(at.home.path, "other");
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "other", "-f", other]);
  const connect = await at.porthole(
    [
      ...["connect", "1", "--on", "valohai", "--user", at.sshd.user, "--poll-interval", "10ms"],
      "--identity-file",
      other,
    ],
  );
  assert.equal(connect.code, 255);
  assert.match(
    connect.stderr,
    /porthole: Execution #1 does not let this key in: it has ssh-ed25519 SHA256:\S+ \(.+\); offered was ssh-ed25519 SHA256:\S+ \(other\) from /,
  );
});

test("launch and connect refuse a key file that is not there before anything is started", async (at) => {
  await at.porthole(["auth", "login", "--on", "valohai"], { input: VALOHAI_TOKEN });
  const before = at.server.requests.length;
  for (const command of [["launch", "--step", "train"], ["connect", "1"]]) {
    const { code, stderr } = await at.porthole([...command, "--on", "valohai", "--identity-file", "nope"]);
    assert.equal(code, 2);
    assert.match(stderr, /^porthole: Cannot use --identity-file "nope": there is no such file\n/);
  }
  assert.equal(at.server.requests.length, before);
});

test("a key file named from the folder of work is found from any other", async (at) => {
  await at.porthole(["auth", "login", "--on", "valohai"], { input: VALOHAI_TOKEN });
  const key = join(at.home.path, "mine");
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  const launch = ["launch", "--on", "valohai", "--step", "train", "--no-wait"];
  assert.equal((await at.porthole([...launch, "--debug-key-file", "mine.pub"])).code, 0);
  await at.admitDebugKey();
  const connect = await at.porthole(["connect", "1", "--user", at.sshd.user, "--poll-interval", "10ms"]);
  assert.equal(connect.code, 0, connect.stderr);
  assert.match(connect.stdout, new RegExp(`^ {4}IdentityFile ${key}$`, "m"));
});

test("firewall takes port and address from the target that is to be reached", async (at) => {
  await at.connected();
  const { code, stdout, stderr } = await at.porthole(["firewall", "gcp", "--target", "job"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`--rules=tcp:${at.sshd.port} --source-ranges=127\\.0\\.0\\.1/32 `));
  const low = await at.porthole(["firewall", "aws", "--port", "80"]);
  assert.equal(low.code, 2);
  assert.match(low.stderr, /^porthole: Cannot use --port 80: Valohai needs a port from 1024 to 65535\n/);
  const open = await at.porthole(["firewall", "aws", "--source", "0.0.0.0/0"]);
  assert.equal(open.code, 2);
  assert.match(open.stderr, /lets the whole internet in\n {2}.*--insecure-allow-anywhere\n$/);
});

test("auth login stores nothing that Valohai does not accept, and never shows it", async (at) => {
  const secret = "wrong-token-98765432100";
  const login = await at.porthole(["auth", "login", "--on", "valohai"], { input: secret });
  assert.equal(login.code, 255);
  assert.match(login.stderr, /Valohai does not accept the token of the paste: Invalid token\./);
  assert.ok(!`${login.stdout}${login.stderr}`.includes(secret));
  const status = await at.porthole(["auth", "status", "--on", "valohai", "--json"]);
  assert.equal(status.code, 1);
  assert.equal(JSON.parse(status.stdout).isLoggedIn, false);
});

test("auth logout forgets the token", async (at) => {
  await at.porthole(["auth", "login", "--on", "valohai"], { input: VALOHAI_TOKEN });
  const logout = await at.porthole(["auth", "logout", "--on", "valohai"]);
  assert.deepEqual({ code: logout.code, stdout: logout.stdout }, { code: 0, stdout: "Logged out of valohai\n" });
  assert.deepEqual(await filesWith(at.home.path, VALOHAI_TOKEN), []);
});

test("forward prints the URL, carries requests, and leaves no ssh behind on Ctrl-C", async (at) => {
  await at.connected();
  await using http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("board"));
  const child = at.spawn(["forward", "job", `tensorboard:${http.addr.port}`, "--json"]);
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  const item = JSON.parse(value ?? "");
  assert.equal(item.name, "tensorboard");
  assert.equal(item.remotePort, http.addr.port);
  assert.equal(await (await fetch(item.url, { headers: { connection: "close" } })).text(), "board");
  child.kill("SIGINT");
  const [{ code }] = await Promise.all([child.status, reader.cancel(), child.stderr.cancel(), child.stdin.close()]);
  assert.equal(code, 130);
  const left = (await run("ps", ["-eo", "args="])).split("\n").filter((line) =>
    line.includes(`localhost:${http.addr.port}`)
  );
  assert.deepEqual(left, []);
});

test("open writes the block, logs in, and starts the editor by its own command", async (at) => {
  await at.connected();
  const bin = join(at.home.path, "bin");
  await Deno.mkdir(bin);
  await Deno.writeTextFile(join(bin, "code"), '#!/bin/sh\nprintf "%s\\n" "$@" > "$HOME/code.args"\n', { mode: 0o755 });
  const open = await at.porthole(["open", "job", "vscode", "/srv/my project", "--no-multiplex"], {
    env: { PATH: `${bin}:${Deno.env.get("PATH")}` },
  });
  assert.equal(open.code, 0, open.stderr);
  assert.equal(open.stdout, "Opened vscode://vscode-remote/ssh-remote+job/srv/my%20project?windowId=_blank\n");
  assert.equal(
    await Deno.readTextFile(join(at.home.path, "code.args")),
    "--new-window\n--remote\nssh-remote+job\n/srv/my project\n",
  );
  assert.match(await Deno.readTextFile(join(at.home.path, ".ssh", "config")), /^Host job$/m);
});

test("open --print prints the URL and touches nothing", async (at) => {
  await at.connected();
  const print = await at.porthole(["open", "job", "zed", "/root", "--print"]);
  assert.deepEqual({ code: print.code, stdout: print.stdout }, { code: 0, stdout: "zed://ssh/job/root\n" });
  await assert.rejects(Deno.stat(join(at.home.path, ".ssh")), Deno.errors.NotFound);
});
