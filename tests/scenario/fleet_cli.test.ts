import assert from "node:assert/strict";
import { join } from "node:path";
import { hostFileName } from "../../src/fleet/output_store.ts";
import { eventually, isAlive } from "../support/agent_stage.ts";
import { makeStage, sshdScenario as scenario } from "../support/fleet_stage.ts";
import { TOP } from "../support/compiled.ts";
import { hasProgram } from "../support/programs.ts";
import { openTerminal } from "../support/terminal.ts";

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A stage on which `porthole` runs with the sshd's key and port. */
async function makeCliStage() {
  const set = await makeStage();
  const { sshd, home } = set;
  const common = ["-i", sshd.keyPath, "--known-hosts", join(home.path, "known_hosts"), "-l", sshd.user];
  const spawn = (name: string, args: readonly string[], stdin: "null" | "piped" = "null") =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "-A", join(TOP, "main.ts"), name, ...common, ...args],
      clearEnv: true,
      env: home.environment(),
      cwd: home.path,
      stdin,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  return {
    ...set,
    /** One sshd under two names, so that there is something to fold. */
    hosts: `127.0.0.1:${sshd.port}`,
    spawn,
    async porthole(name: string, ...args: readonly string[]): Promise<Finished> {
      const { code, stdout, stderr } = await spawn(name, args).output();
      const decoder = new TextDecoder();
      return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    },
  };
}

scenario("porthole exec puts the host before each line and ends with the one remote status", async () => {
  await using set = await makeCliStage();
  const { code, stdout, stderr } = await set.porthole("exec", set.hosts, "--", "printf 'a\\nb'; echo no >&2; exit 7");
  assert.equal(stdout, `${set.hosts}: a\n${set.hosts}: b\n`);
  assert.match(stderr, /: no\n/);
  assert.match(stderr, /: exited with status 7\n/);
  assert.match(stderr, /\n1 host: 0 ok; 1 with another status than 0: \S+ \(\S+\)\n$/);
  assert.equal(code, 7);
});

scenario("porthole exec tells hosts that were not started once, with why", async () => {
  await using set = await makeCliStage();
  const hosts = [set.hosts, ...Array.from({ length: 20 }, (_, at) => `web${at + 1}`)].join(",");
  const { code, stderr } = await set.porthole("exec", hosts, "--canary", "1", "--", "false");
  const lines = stderr.trim().split("\n");
  assert.equal(lines.length, 2, stderr);
  assert.match(
    lines[1] ?? "",
    /^21 hosts: 0 ok; 1 with another status than 0: \S+; 20 not started: the first host, the canary, failed: web\[1-20\] \(/,
  );
  assert.equal(code, 1);
});

Deno.test({
  name: "porthole exec at a terminal takes its live line away before the last one (needs sshd)",
  ignore: !hasProgram("sshd") || Deno.build.os !== "linux",
  async fn() {
    await using set = await makeCliStage();
    const me = `${set.sshd.user}@${set.hosts}`;
    const words = ["exec", "-i", set.sshd.keyPath, "--known-hosts", join(set.home.path, "known_hosts")];
    await using terminal = openTerminal(
      Deno.execPath(),
      ["run", "--no-check", "-A", join(TOP, "main.ts"), ...words, `${set.hosts},${me}`, "--", "echo in; sleep 0.5"],
      { env: set.home.environment() },
    );
    await terminal.waitFor(/2 hosts: 2 ok \([^)]*\)\r\n/);
    await terminal.exit;
    // Drawn again behind each line that is printed meanwhile.
    assert.match(terminal.shown, /in\r\n0 done, 0 failed, 2 running, 0 waiting, 0.0 hosts\/s/);
    // deno-lint-ignore no-control-regex
    assert.match(terminal.shown, /\r\x1b\[2K2 hosts: 2 ok \([^)]*\)\r\n$/);
  },
});

scenario("porthole exec keeps the words of a command apart", async () => {
  await using set = await makeCliStage();
  const { stdout } = await set.porthole("exec", "--no-prefix", set.hosts, "--", "printf", "<%s>", "a b", "$HOME", "'");
  assert.equal(stdout, "<a b><$HOME><'>\n");
});

scenario("porthole exec --fold shows equal outputs once, with the hosts, and ends with 1 when one failed", async () => {
  await using set = await makeCliStage();
  const hosts = `${set.hosts},${set.sshd.user}@${set.hosts},127.0.0.1:1`;
  const { code, stdout } = await set.porthole("exec", "--retry", "0", "--fold", hosts, "--", "echo same");
  const rule = "-".repeat(15);
  const both = [set.hosts, `${set.sshd.user}@${set.hosts}`];
  assert.match(stdout, new RegExp(`^${rule}\\n.*\\(2\\)\\n${rule}\\nsame\\n${rule}\\n127.0.0.1:1 \\(1\\)\\n`));
  for (const host of both) assert.ok(stdout.split("\n")[1]?.includes(host), stdout);
  assert.equal(code, 1);
});

scenario("porthole exec --diff shows what differs from the majority", async () => {
  await using set = await makeCliStage();
  const hosts = `${set.hosts},${set.sshd.user}@${set.hosts},localhost:${set.sshd.port}`;
  const { stdout } = await set.porthole(
    "exec",
    "--insecure-ignore-host-key",
    "--diff",
    hosts,
    "--",
    script(set.home.path),
  );
  assert.match(stdout, /\n@@ .*\n same\n-first\n\+other\n/);
});

/** Says something else the first time that it runs. */
function script(folder: string): string {
  return `echo same; if mkdir ${folder}/once 2>/dev/null; then echo other; else echo first; fi`;
}

scenario("porthole exec --json prints one object a line, and nothing else on stdout", async () => {
  await using set = await makeCliStage();
  const hosts = `${set.hosts},127.0.0.1:1`;
  const { code, stdout, stderr } = await set.porthole("exec", "--json", "--retry", "0", hosts, "--", "echo out");
  const results = stdout.trim().split("\n").map((line) => JSON.parse(line)).sort((a, b) => Number(b.ok) - Number(a.ok));
  assert.deepEqual([results[0].stdout, results[0].code, results[1].error.kind], ["out\n", 0, "unreachable"]);
  assert.equal(stderr, "");
  assert.equal(code, 1);
});

scenario("porthole exec --outdir writes what hosts say to files, byte for byte", async () => {
  await using set = await makeCliStage();
  const folder = join(set.home.path, "out");
  const { stdout } = await set.porthole("exec", "--outdir", folder, set.hosts, "--", "printf '\\001\\377'");
  assert.equal(stdout, "");
  const name = hostFileName(set.hosts);
  assert.deepEqual(await Deno.readFile(join(folder, name)), new Uint8Array([1, 255]));
});

scenario("porthole exec --outdir names a folder that cannot be made", async () => {
  await using set = await makeCliStage();
  const file = join(set.home.path, "file");
  await Deno.writeTextFile(file, "");
  const { code, stderr } = await set.porthole("exec", set.hosts, "--outdir", join(file, "out"), "--", "true");
  assert.equal(stderr, `porthole: Cannot write "${join(file, "out")}" here: Not a directory\n`);
  assert.equal(code, 2);
});

scenario("porthole exec takes hosts from files and groups, less those that are excluded", async () => {
  await using set = await makeCliStage();
  const hostsFile = join(set.home.path, "hosts");
  const groups = join(set.home.path, "groups.toml");
  await Deno.writeTextFile(hostsFile, "a[1-3] # some\n@more\n");
  await Deno.writeTextFile(groups, 'more = ["b1", "a3"]\n');
  const args = ["--hosts-file", hostsFile, "--groups", groups, "-x", "a2", "--dry-run", "--sudo", "--", "id"];
  const { code, stdout } = await set.porthole("exec", ...args);
  const lines = ["a1", "a3", "b1"].map((host) => `${host}: sudo sh -c id\n`);
  assert.equal(stdout, lines.join(""));
  assert.equal(code, 0);
});

scenario("Ctrl-C cancels the remote command and ends with 130", async () => {
  await using set = await makeCliStage();
  const mark = join(set.home.path, "pid");
  const child = set.spawn("exec", [set.hosts, "--", `echo $$ > ${mark}; echo up; exec sleep 300`]);
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGINT");
  const { code } = await child.status;
  await reader.cancel();
  await child.stderr.cancel();
  assert.equal(code, 130);
  const pid = Number(await Deno.readTextFile(mark));
  await eventually("the remote command has ended", () => !isAlive(pid));
});

scenario("porthole upload and download copy, and name what they made", async () => {
  await using set = await makeCliStage();
  const src = join(set.home.path, "src file");
  await Deno.writeTextFile(src, "content");
  const up = await set.porthole("upload", set.hosts, src, `${set.home.path}/there/`, "--mode", "0600", "--checksum");
  assert.equal(up.stdout, `${src} -> ${set.hosts}:${set.home.path}/there/src file: 7 B\n`);
  assert.equal(up.code, 0);
  const down = await set.porthole("download", set.hosts, `${set.home.path}/there/src file`, "back");
  assert.equal(down.code, 0, down.stderr);
  assert.equal(await Deno.readTextFile(join(set.home.path, "back")), "content");
  const missing = await set.porthole("download", set.hosts, "/none", "x");
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /Cannot download "\/none": it is not on the far side/);
});

scenario("porthole keyscan --save files a key, and exec knows the host then", async () => {
  await using set = await makeCliStage();
  const file = join(set.home.path, "fresh");
  const refused = await set.porthole("exec", "--known-hosts", file, set.hosts, "--", "true");
  assert.equal(refused.code, 255);
  assert.match(refused.stderr, /The host key of .* is not known: ssh-ed25519 SHA256:/);
  const scanned = await set.porthole("keyscan", "--known-hosts", file, "--save", set.hosts);
  assert.equal(scanned.stdout, `[127.0.0.1]:${set.sshd.port} ${set.sshd.hostKey}\n`);
  assert.equal((await set.porthole("exec", "--known-hosts", file, set.hosts, "--", "true")).code, 0);
});

scenario("porthole keyscan --json prints a host as soon as it is done", async () => {
  await using set = await makeCliStage();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hosts = `127.0.0.1:${silent.addr.port},${set.hosts}`;
  const child = set.spawn("keyscan", ["--json", "--connect-timeout", "30s", hosts]);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const first = JSON.parse(new TextDecoder().decode(value));
  assert.deepEqual([first.host, first.ok, first.keys.length], [set.hosts, true, 1]);
  child.kill("SIGINT");
  assert.equal((await child.status).code, 130);
  await reader.cancel();
  await child.stderr.cancel();
});

scenario("porthole exec shows the hint of each kind of failure once", async () => {
  await using set = await makeCliStage();
  const { stderr } = await set.porthole("exec", "--retry", "0", "127.0.0.[1-3]:1", "--", "true");
  assert.equal(stderr.match(/connection refused\n/g)?.length, 3);
  assert.equal(stderr.match(/\n {2}\S/g)?.length, 1, stderr);
});

scenario("porthole key-check tells yes and no by its words and its status", async () => {
  await using set = await makeCliStage();
  const yes = await set.porthole("key-check", `${set.sshd.user}@${set.hosts}`, "--key", set.sshd.keyPath);
  assert.match(yes.stdout, new RegExp(`^${set.sshd.user}@127.0.0.1:\\d+: SHA256:\\S+ accepted\n$`));
  assert.equal(yes.code, 0);
  const no = await set.porthole("key-check", set.hosts, "--key", set.sshd.hostKey);
  assert.match(no.stdout, /: SHA256:\S+ not accepted\n$/);
  assert.equal(no.code, 1);
});
