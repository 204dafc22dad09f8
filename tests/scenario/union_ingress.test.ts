import assert from "node:assert/strict";
import { join } from "node:path";
import { runToEnd } from "../support/agent_stage.ts";
import { TOP } from "../support/compiled.ts";
import { hasProgram } from "../support/programs.ts";
import { makeUnionFixture, ROBOT, ROBOT_ENV } from "../support/union_client.ts";
import { HAS_INGRESS, startIngress, startPod } from "../support/union_ingress.ts";
import { aRun } from "../support/union_server.ts";

const LOOK = {
  status: { phase: "ACTION_PHASE_RUNNING" },
  attempts: [{
    phase: "ACTION_PHASE_RUNNING",
    attempt: 1,
    logInfo: [{ uri: "/dataplane/pod/v1/generated_name/6060/task/p/d/n/", name: "x", linkType: "IDE", ready: true }],
  }],
};

Deno.test({
  name:
    "a pod of the platform's kind behind nginx is reached with ssh and sftp (needs nginx, python3-asyncssh, ssh, sftp)",
  ignore: !HAS_INGRESS || !hasProgram("ssh") || !hasProgram("sftp"),
  async fn() {
    await using fixture = await makeUnionFixture({ now: Date.now, headerKey: "flyte-authorization" });
    const { home, server } = fixture;
    const env = home.environment({ ...ROBOT_ENV });
    const config = join(home.path, ".ssh", "config");
    const run = (program: string, args: readonly string[], stdin = "") =>
      runToEnd(program, args, { stdin, env, clearEnv: true, cwd: home.path });
    const porthole = (...args: string[]) =>
      run(Deno.execPath(), ["run", "-A", "--no-prompt", "--quiet", join(TOP, "main.ts"), ...args]);

    assert.equal((await porthole("env")).code, 0);
    await using pod = await startPod(join(home.path, ".flyte", "ssh-debug", "id_ed25519.pub"));
    await using ingress = await startIngress(home.path, { podPort: pod.port, controlPlane: server.endpoint });
    await fixture.configure({ ...ROBOT, endpoint: `http://127.0.0.1:${ingress.port}` });
    server.addRun(aRun("r1", { looks: { a0: [LOOK] } }));

    const connected = await porthole("connect", "r1", "--on", "union", "--write-config", "--no-multiplex");
    assert.equal(connected.code, 0, connected.stderr);
    const ssh = await run("ssh", ["-F", config, "-o", "BatchMode=yes", "r1", "cat; exit 7"], "through\n");
    assert.deepEqual([ssh.code, ssh.stdout], [7, "through\n"], ssh.stderr);
    const batch = `put ${config} ${home.path}/copy\nls -l ${home.path}/copy\n`;
    const sftp = await run("sftp", ["-F", config, "-o", "BatchMode=yes", "-b", "-", "r1"], batch);
    assert.equal(sftp.code, 0, sftp.stderr);
    assert.equal(await Deno.readTextFile(`${home.path}/copy`), await Deno.readTextFile(config));

    server.oauth.rotate();
    server.oauth.clients.clear();
    const denied = await run("ssh", ["-F", config, "-o", "BatchMode=yes", "r1", "true"]);
    assert.equal(denied.code, 255);
    assert.match(denied.stderr, /client or secret is wrong/);
  },
});
