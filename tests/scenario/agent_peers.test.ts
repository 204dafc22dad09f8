import assert from "node:assert/strict";
import { join } from "node:path";
import { type AgentStage, makeAgentStage, runToEnd } from "../support/agent_stage.ts";
import { hasProgram, pythonWith } from "../support/programs.ts";

interface Peer {
  readonly name: string;
  readonly needs: readonly string[];
  run(stage: AgentStage, command: string): Promise<{ code: number; stdout: string }>;
}

const PEERS: readonly Peer[] = [
  {
    name: "PuTTY's plink",
    needs: ["plink", "puttygen"],
    async run(stage, command) {
      const key = join(stage.folder, "id.ppk");
      await runToEnd("puttygen", [stage.keyFile, "-o", key, "-O", "private"], { env: { HOME: stage.folder } });
      const args = ["-batch", "-P", String(stage.port), "-i", key, "-hostkey", stage.hostKey.fingerprint];
      return await runToEnd("plink", [...args, "x@127.0.0.1", command], { env: { HOME: stage.folder } });
    },
  },
  {
    name: "dropbear's dbclient",
    needs: ["dbclient", "dropbearconvert"],
    async run(stage, command) {
      const key = join(stage.folder, "id.dropbear");
      await runToEnd("dropbearconvert", ["openssh", "dropbear", stage.keyFile, key]);
      const args = ["-y", "-y", "-p", String(stage.port), "-i", key, "x@127.0.0.1", command];
      return await runToEnd("dbclient", args, { env: { HOME: stage.folder } });
    },
  },
];

for (const { name, needs, run } of PEERS) {
  Deno.test({
    name: `${name} runs a command (needs ${needs.join(", ")})`,
    ignore: !needs.every(hasProgram),
    fn: async () => {
      await using stage = await makeAgentStage();
      const { code, stdout } = await run(stage, "echo hello; exit 7");
      assert.deepEqual([code, stdout], [7, "hello\n"]);
    },
  });
}

const PARAMIKO = pythonWith("paramiko");

Deno.test({
  name: "paramiko runs a command with stdin and opens SFTP (needs python3-paramiko)",
  ignore: PARAMIKO === null,
  fn: async () => {
    await using stage = await makeAgentStage();
    const script = `
import paramiko, sys
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect("127.0.0.1", ${stage.port}, username="x", key_filename=sys.argv[1], look_for_keys=False, allow_agent=False)
stdin, stdout, stderr = client.exec_command("cat; exit 8")
stdin.write("in")
stdin.channel.shutdown_write()
print(stdout.read().decode(), stdout.channel.recv_exit_status())
print("id_ed25519" in client.open_sftp().listdir("."))
client.close()
`;
    const { stdout, stderr } = await runToEnd(PARAMIKO ?? "", ["-W", "ignore", "-c", script, stage.keyFile]);
    assert.equal(stdout, "in 8\nTrue\n", stderr);
  },
});

Deno.test({
  name: "paramiko tries several keys on one connection (needs python3-paramiko, ssh-keygen)",
  ignore: PARAMIKO === null || !hasProgram("ssh-keygen"),
  fn: async () => {
    await using stage = await makeAgentStage();
    const strangers = await Promise.all([1, 2].map(async (number) => {
      const file = join(stage.folder, `stranger${number}`);
      await runToEnd("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
      return file;
    }));
    const script = `
import paramiko, sys
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect("127.0.0.1", ${stage.port}, username="x", key_filename=sys.argv[1:], look_for_keys=False, allow_agent=False)
print(client.exec_command("echo hello")[1].read().decode())
client.close()
`;
    const { stdout, stderr } = await runToEnd(PARAMIKO ?? "", [
      ...["-W", "ignore", "-c", script],
      ...strangers,
      stage.keyFile,
    ]);
    assert.equal(stdout, "hello\n\n", stderr);
  },
});

const ASYNCSSH = pythonWith("asyncssh");

Deno.test({
  name:
    "asyncssh logs in with RSA, sends signals behind EOF and is told of exit signals (needs python3-asyncssh, ssh-keygen)",
  ignore: ASYNCSSH === null || !hasProgram("ssh-keygen"),
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const rsaFile = join(folder, "id_rsa");
    await runToEnd("ssh-keygen", ["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", rsaFile]);
    await using stage = await makeAgentStage({ moreKeys: [await Deno.readTextFile(`${rsaFile}.pub`)] });
    const script = `
import asyncio, asyncssh, sys
async def main():
    for key in sys.argv[1:]:
        async with asyncssh.connect("127.0.0.1", ${stage.port}, username="x", client_keys=[key], known_hosts=None) as c:
            p = await c.create_process("echo up; exec sleep 1000", stdin=asyncssh.DEVNULL)
            await p.stdout.readline()
            p.send_signal("TERM")
            r = await p.wait()
            print(r.exit_signal[0])
asyncio.run(main())
`;
    const { stdout, stderr } = await runToEnd(ASYNCSSH ?? "", ["-W", "ignore", "-c", script, stage.keyFile, rsaFile]);
    await Deno.remove(folder, { recursive: true });
    assert.equal(stdout, "TERM\nTERM\n", stderr);
  },
});

Deno.test({
  name: "ssh-audit finds no failure (needs ssh-audit)",
  ignore: !hasProgram("ssh-audit"),
  fn: async () => {
    await using stage = await makeAgentStage();
    const { stdout } = await runToEnd("ssh-audit", ["-n", "-p", String(stage.port), "127.0.0.1"]);
    assert.match(stdout, /\(kex\) curve25519-sha256/);
    assert.doesNotMatch(stdout, /\[fail\]/);
    assert.match(stdout, /kex-strict-s-v00@openssh\.com/);
  },
});

Deno.test({
  name: "old and new scp, sftp and rsync copy both ways (needs ssh, scp, sftp, rsync)",
  ignore: !["ssh", "scp", "sftp", "rsync"].every(hasProgram),
  fn: async () => {
    await using stage = await makeAgentStage();
    const source = join(stage.folder, "it's a $(name)");
    await Deno.mkdir(join(source, "deep"), { recursive: true });
    await Deno.writeFile(join(source, "deep", "data"), crypto.getRandomValues(new Uint8Array(60_000)));
    const options = stage.sshArgs.map((word) => word === "-p" ? "-P" : word);
    for (const mode of ["-O", "-s"]) {
      const target = join(stage.folder, `copy${mode}`);
      const up = await runToEnd("scp", ["-r", mode, ...options, source, `x@127.0.0.1:${target}`]);
      assert.equal(up.code, 0, up.stderr);
      const down = await runToEnd("scp", ["-r", mode, ...options, `x@127.0.0.1:${target}`, `${target}.back`]);
      assert.equal(down.code, 0, down.stderr);
      assert.equal((await runToEnd("diff", ["-r", source, `${target}.back`])).code, 0);
    }
    const rsh = ["ssh", ...stage.sshArgs].join(" ");
    const synced = await runToEnd("rsync", ["-a", "-e", rsh, `${source}/`, `x@127.0.0.1:${stage.folder}/synced/`]);
    assert.equal(synced.code, 0, synced.stderr);
    assert.equal((await runToEnd("diff", ["-r", source, join(stage.folder, "synced")])).code, 0);
    const listed = await runToEnd("sftp", ["-b", "-", ...options, "x@127.0.0.1"], { stdin: "pwd\n" });
    assert.match(listed.stdout, new RegExp(`Remote working directory: ${stage.folder}\n`));
  },
});
