import assert from "node:assert/strict";
import { join } from "node:path";
import { config } from "../../src/fleet/client.ts";
import type { FleetOptions } from "../../src/fleet/fleet_options.ts";
import { dialTcp } from "../../src/stream/tcp.ts";
import { makeStage, sshdScenario as scenario } from "../support/fleet_stage.ts";
import { hasProgram } from "../support/programs.ts";
import { freePort, run, startSshd } from "../support/sshd.ts";
import { makeTempHome, type TempHome } from "../support/temp_home.ts";

/** Writes ssh_config into a home, and the host keys of `servers` into its known_hosts. */
async function writeSshConfig(
  home: TempHome,
  { config: text, known }: { config: string; known: ReadonlyArray<readonly [name: string, hostKey: string]> },
): Promise<Pick<FleetOptions, "environment" | "maxRetries">> {
  await Deno.mkdir(join(home.path, ".ssh"), { mode: 0o700 });
  await Deno.writeTextFile(join(home.path, ".ssh", "config"), text, { mode: 0o600 });
  const lines = known.map(([name, hostKey]) => `${name} ${hostKey}\n`).join("");
  await Deno.writeTextFile(join(home.path, ".ssh", "known_hosts"), lines);
  return { environment: home.environment(), maxRetries: 0 };
}

scenario("HostName, User, Port, IdentityFile and HostKeyAlias of ssh_config count", async () => {
  await using set = await makeStage();
  const { port, user, keyPath, hostKey } = set.sshd;
  const options = await writeSshConfig(set.home, {
    config: `Host web*\n  HostName 127.0.0.1\n  Port ${port}\n  User ${user}\n` +
      `  IdentityFile ${keyPath}\n  HostKeyAlias the-web\n`,
    known: [["the-web", hostKey]],
  });
  const results = await config({ hosts: "web[1-2]", ...options }).exec("echo in");
  assert.deepEqual(results.map(({ host, stdout, error }) => [host, stdout, error?.message]), [
    ["web1", "in\n", undefined],
    ["web2", "in\n", undefined],
  ]);
});

scenario("what is passed over in ssh_config is told once, and only where it could have counted", async () => {
  await using set = await makeStage();
  const sshConfigFile = join(set.home.path, "with exec");
  const lines = ['Match originalhost "n*" exec "true"', "  Port 1", "Host n*", "  HostName 127.0.0.1"];
  await Deno.writeTextFile(sshConfigFile, `${lines.join("\n")}\n`);
  const told: string[] = [];
  const onNotice = (text: string) => told.push(text);
  const connect = async (hosts: string) =>
    await config(set.options({ hosts, sshConfigFile, onNotice, port: set.sshd.port })).exec("true");
  assert.equal((await connect("127.0.0.1"))[0]?.ok, true);
  assert.deepEqual(told, []);
  await connect("n[1-2]");
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /^Passed over "Match exec" in .*with exec" line 1: porthole does not run commands/);
});

scenario("ProxyJump of ssh_config leads through hosts that ssh_config describes", async () => {
  await using set = await makeStage();
  await using bastion = await startSshd(set.home.path);
  const options = await writeSshConfig(set.home, {
    config: [
      `Host inner\n  HostName 127.0.0.1\n  Port ${set.sshd.port}\n  IdentityFile ${set.sshd.keyPath}\n  ProxyJump bastion`,
      `Host bastion\n  HostName 127.0.0.1\n  Port ${bastion.port}\n  IdentityFile ${bastion.keyPath}\n`,
    ].join("\n"),
    known: [[`[127.0.0.1]:${set.sshd.port}`, set.sshd.hostKey], [`[127.0.0.1]:${bastion.port}`, bastion.hostKey]],
  });
  const client = config({ hosts: "inner", user: set.sshd.user, ...options });
  const [result] = await client.exec("echo in");
  assert.deepEqual([result?.stdout, result?.error], ["in\n", undefined]);
  await Deno.writeTextFile(join(bastion.folder, "authorized_keys"), "");
  const { error } = await client.tryExec("true");
  assert.equal(error?.code, "auth_denied");
  assert.match(error?.message ?? "", /^Jump host "bastion": Cannot log in/);
});

Deno.test({
  name: "ProxyCommand of ssh_config is run and its failure told (needs sshd, socat)",
  ignore: !hasProgram("sshd") || !hasProgram("socat"),
  async fn() {
    await using set = await makeStage();
    const { port, user, keyPath, hostKey } = set.sshd;
    const options = await writeSshConfig(set.home, {
      config:
        `Host good\n  ProxyCommand socat - TCP:127.0.0.1:${port}\n  HostKeyAlias it\n  IdentityFile ${keyPath}\n` +
        `Host bad\n  ProxyCommand sh -c 'echo no way to %h >&2; exit 3'\n`,
      known: [["it", hostKey]],
    });
    const [good, bad] = await config({ hosts: "good,bad", user, ...options }).exec("echo in");
    assert.deepEqual([good?.stdout, good?.error], ["in\n", undefined]);
    assert.equal(bad?.error?.kind, "unreachable");
    assert.match(bad?.error?.message ?? "", /ended with status 3: no way to bad$/);
  },
});

scenario("an alias of our own is dialled in this process, with its own user, key and host key", async () => {
  await using set = await makeStage();
  const { port, user, keyPath: identityFile, hostKey } = set.sshd;
  const knownHostsFile = join(set.home.path, "targets");
  await Deno.writeTextFile(knownHostsFile, `run-1 ${hostKey}\n`);
  const options = await writeSshConfig(set.home, { config: "Host train\n  ProxyCommand /nonexistent\n", known: [] });
  const dialled: string[] = [];
  const client = config({
    hosts: "train,other",
    ...options,
    findAlias: (alias) => {
      if (alias !== "train") return Promise.resolve(null);
      dialled.push(alias);
      const dial = ({ signal }: { signal?: AbortSignal | undefined }) =>
        dialTcp({ hostname: "127.0.0.1", port, signal });
      return Promise.resolve({
        dial,
        user,
        identityFile,
        hostKeyAlias: "run-1",
        knownHostsFile,
        hostKeyCheck: "yes" as const,
      });
    },
  });
  const [train, other] = await client.exec("echo in");
  assert.deepEqual([train?.stdout, train?.error], ["in\n", undefined]);
  assert.equal(other?.error?.kind, "unreachable");
  assert.deepEqual(dialled, ["train"]);
});

scenario("an alias of our own leads on as a jump host, with its own user and key", async () => {
  await using set = await makeStage();
  await using jump = await startSshd(set.home.path);
  const knownHostsFile = join(set.home.path, "targets");
  await Deno.writeTextFile(knownHostsFile, `run-1 ${jump.hostKey}\n`);
  const client = config(set.options({
    jump: "train",
    findAlias: (alias) =>
      Promise.resolve(
        alias !== "train" ? null : {
          dial: ({ signal }) => dialTcp({ hostname: "127.0.0.1", port: jump.port, signal }),
          user: jump.user,
          identityFile: jump.keyPath,
          hostKeyAlias: "run-1",
          knownHostsFile,
          hostKeyCheck: "yes",
        },
      ),
    hostKeyCheck: false,
  }));
  const [result] = await client.exec("echo in");
  assert.deepEqual([result?.stdout, result?.error], ["in\n", undefined]);
});

/** A stand-in for sudo that asks for "pw" on stdin and tells whom it was told to be. */
const FAKE_SUDO = `#!/bin/sh
user=root
while :; do case "$1" in
  -n) exit 1;; -S) shift;; -p) shift 2;; -u) user=$2; shift 2;; *) break;; esac; done
IFS= read -r given; [ "$given" = pw ] || { echo sorry >&2; exit 1; }
echo "as $user"; exec "$@"
`;

scenario(
  "sudo gets its password on stdin, runs in the folder with the variables, and the password is in no result",
  async () => {
    await using home = await makeTempHome();
    const bin = join(home.path, "bin");
    await Deno.mkdir(bin);
    await Deno.writeTextFile(join(bin, "sudo"), FAKE_SUDO, { mode: 0o755 });
    const force = join(bin, "force");
    const line = `PATH=${bin}:$PATH exec sh -c "$SSH_ORIGINAL_COMMAND"`;
    await Deno.writeTextFile(force, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
    await using set = await makeStage({ config: [`ForceCommand ${force}`] });
    const client = config(
      set.options({ sudo: true, asUser: "web", sudoPassword: "pw", cwd: home.path, env: { A: "a b" } }),
    );
    const [result] = await client.exec('pwd; echo "$A"; cat', { stdin: "rest" });
    assert.equal(result?.stdout, `as web\n${await Deno.realPath(home.path)}\na b\nrest`);
    assert.doesNotMatch(JSON.stringify(result), /"pw"|pw\\n/);
    const [refused] = await client.exec("true", { sudoPassword: "other" });
    assert.deepEqual([refused?.code, refused?.stderr], [1, "sorry\n"]);
  },
);

Deno.test({
  name: "dropbear is a host like any other (needs dropbear)",
  ignore: !hasProgram("dropbear") || !hasProgram("dropbearkey"),
  async fn() {
    await using home = await makeTempHome();
    const { path } = home;
    const port = freePort();
    await Deno.mkdir(join(path, ".ssh"), { mode: 0o700 });
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(path, "key")]);
    await run("dropbearkey", ["-t", "ed25519", "-f", join(path, "host")]);
    await using server = new Deno.Command("/usr/sbin/dropbear", {
      args: ["-F", "-E", "-s", "-p", `127.0.0.1:${port}`, "-r", join(path, "host"), "-P", join(path, "pid")],
      env: home.environment(),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const user = (await run("id", ["-un"])).trim();
    const options = { hosts: `127.0.0.1:${port}`, user, key: join(path, "key"), environment: home.environment() };
    const client = config({
      ...options,
      knownHostsFile: join(path, "known"),
      hostKeyCheck: "accept-new",
      maxRetries: 8,
    });
    // The account's own authorized_keys is not the test's to write: that the key is refused shows all but the last step.
    const { error } = await client.tryExec("true");
    assert.equal(error?.code, "auth_denied", error?.message);
    assert.match(await Deno.readTextFile(join(path, "known")), /ssh-ed25519/);
    server.kill("SIGTERM");
  },
});

scenario("ssh-agent signs when it is the only one who can", async () => {
  await using set = await makeStage();
  const socket = join(set.home.path, "agent");
  const agent = new Deno.Command("ssh-agent", { args: ["-D", "-a", socket], stdout: "piped", stderr: "null" }).spawn();
  const reader = agent.stdout.getReader();
  await reader.read();
  try {
    const env = { SSH_AUTH_SOCK: socket };
    const added = await new Deno.Command("ssh-add", { args: ["-q", set.sshd.keyPath], env, stderr: "null" }).output();
    assert.equal(added.success, true);
    const { key: _, ...options } = set.options({ environment: set.home.environment(env) });
    const [result] = await config(options).exec("echo in");
    assert.deepEqual([result?.stdout, result?.error], ["in\n", undefined]);
    const { error } = await config({ ...options, auth: { useAgent: false } }).tryExec("true");
    assert.equal(error?.code, "auth_denied");
  } finally {
    agent.kill("SIGTERM");
    await agent.status;
    await reader.cancel();
  }
});
