import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ssh, SSHDebug } from "../../src/mod.ts";
import { PORTHOLE, runAt } from "../support/porthole.ts";
import { hasProgram } from "../support/programs.ts";
import { makeTempHome } from "../support/temp_home.ts";

Deno.test({
  name: "SSHDebug.connect makes a run a target, which ssh and ssh.config both reach (needs ssh)",
  ignore: Deno.build.os === "windows" || !hasProgram("ssh"),
  async fn() {
    await using home = await makeTempHome();
    const env = home.environment();
    await runAt(home, [...PORTHOLE, "launch", "--name", "train", "--detach", "--", "sleep", "600"]);
    try {
      const states: string[] = [];
      const session = await SSHDebug.connect({ runName: "train", env, onProgress: (line) => states.push(line) });
      assert.deepEqual([session.runName, session.actionName, session.hostAlias], ["train", "a0", "flyte-debug"]);
      assert.match(session.wssUrl, /^ws:\/\/127\.0\.0\.1:\d+\/$/);
      assert.match(session.sshConfig, /^Host flyte-debug\n {4}HostName flyte-debug\n {4}User root\n/);

      const config = join(home.path, "config");
      await Deno.writeTextFile(config, session.sshConfig.replace(/ControlMaster auto/, "ControlMaster no"));
      const outcome = await runAt(home, ["ssh", "-F", config, "flyte-debug", "echo by ssh"]);
      assert.deepEqual(outcome, { code: 0, stdout: "by ssh\n", stderr: "" });

      await using client = ssh.config({ hosts: ["flyte-debug"], environment: env });
      const [result] = await client.exec("echo by the library; exit 3");
      assert.deepEqual([result?.host, result?.stdout, result?.code], ["flyte-debug", "by the library\n", 3]);
    } finally {
      await runAt(home, [...PORTHOLE, "stop", "train"]);
    }
  },
});

Deno.test("SSHDebug.launchEnv carries the key of SSHDebug.ensureKeypair and lets nothing take it away", async () => {
  await using home = await makeTempHome();
  const env = home.environment();
  const { publicKey, privateKeyPath } = await SSHDebug.ensureKeypair({ env });
  assert.equal(privateKeyPath, join(home.path, ".flyte", "ssh-debug", "id_ed25519"));
  assert.deepEqual(await SSHDebug.launchEnv({ BATCH: "1" }, { env }), {
    BATCH: "1",
    _F_E_SSH: "1",
    _F_E_VS: "1",
    _F_SSH_PK: publicKey,
  });
  await assert.rejects(SSHDebug.launchEnv({ _F_SSH_PK: "ssh-ed25519 AAAA" }, { env }), { code: "usage" });
});

Deno.test("another project links a checkout of this one, and imports porthole and porthole/testing with their types", async () => {
  await using home = await makeTempHome();
  const checkout = fileURLToPath(new URL("../../", import.meta.url));
  await Deno.writeTextFile(join(home.path, "deno.json"), JSON.stringify({ links: [checkout] }));
  // The versions that are here already: the test asks no registry.
  await Deno.copyFile(join(checkout, "deno.lock"), join(home.path, "deno.lock"));
  await Deno.writeTextFile(
    join(home.path, "try.ts"),
    `import { ssh } from "porthole";
import { testKey, testServer } from "porthole/testing";
await using key = await testKey();
await using server = await testServer({ key }).start();
server.handleExec((command) => [\`ran \${command}\`, "", 0]);
const client = ssh.config({ hosts: server.addr, user: server.user, key: key.path, hostKeyCheck: false });
console.log((await client.exec("it"))[0]?.stdout);
`,
  );
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--check", "-A", "--no-prompt", "try.ts"],
    cwd: home.path,
    env: { NO_COLOR: "1" },
  }).output();
  assert.deepEqual([code, new TextDecoder().decode(stdout)], [0, "ran it\n"], new TextDecoder().decode(stderr));
});
