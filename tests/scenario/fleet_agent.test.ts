import assert from "node:assert/strict";
import { join } from "node:path";
import { config } from "../../src/fleet/client.ts";
import { makeStage, sshdScenario as scenario, type Stage } from "../support/fleet_stage.ts";
import { startAgent } from "../support/ssh_agent.ts";
import { run } from "../support/sshd.ts";

/** What a host says, or why it says nothing, with an ssh_config of these lines. */
async function ask(
  { home, sshd, options }: Stage,
  { lines, env = {}, key }: { lines: readonly string[]; env?: Record<string, string>; key?: string },
): Promise<string | undefined> {
  const sshConfigFile = join(home.path, "config");
  await Deno.writeTextFile(sshConfigFile, lines.join("\n"));
  const { key: _, ...rest } = options({ environment: home.environment(env), sshConfigFile });
  const client = config({ ...rest, hosts: `127.0.0.1:${sshd.port}`, ...(key === undefined ? {} : { key }) });
  const { value, error } = await client.tryExec("echo in");
  return value?.[0]?.stdout ?? error?.message;
}

scenario("IdentityAgent of ssh_config names the agent, a variable that does, or none", async () => {
  await using set = await makeStage();
  await using agent = await startAgent(set.home.path);
  await agent.add(set.sshd.keyPath);
  const env = { SSH_AUTH_SOCK: agent.socket, OTHER: agent.socket };
  const nobody = /there is no key, agent or password to try|tried none/;
  assert.equal(await ask(set, { lines: [`IdentityAgent ${agent.socket}`] }), "in\n");
  assert.equal(await ask(set, { lines: ["IdentityAgent $OTHER"], env }), "in\n");
  assert.equal(await ask(set, { lines: ["IdentityAgent SSH_AUTH_SOCK"], env }), "in\n");
  assert.match(await ask(set, { lines: ["IdentityAgent none"], env }) ?? "", nobody);
  assert.match(await ask(set, { lines: [] }) ?? "", nobody);
});

scenario("IdentitiesOnly lets the agent offer the keys that ssh_config names, and no others", async () => {
  await using set = await makeStage();
  await using agent = await startAgent(set.home.path);
  // sshd's MaxAuthTries is 6: with all of them it would hang up before the right one came.
  for (let number = 0; number < 7; number++) {
    const decoy = join(set.home.path, `decoy${number}`);
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", decoy]);
    await agent.add(decoy);
  }
  await agent.add(set.sshd.keyPath);
  const env = { SSH_AUTH_SOCK: agent.socket };
  const named = join(set.home.path, "named");
  await Deno.copyFile(`${set.sshd.keyPath}.pub`, `${named}.pub`);
  assert.match(await ask(set, { lines: [], env }) ?? "", /Too many authentication failures/i);
  assert.equal(await ask(set, { lines: ["IdentitiesOnly yes", `IdentityFile ${named}`], env }), "in\n");
  assert.equal(await ask(set, { lines: ["IdentitiesOnly yes", `IdentityFile ${named}.pub`], env }), "in\n");
  assert.match(await ask(set, { lines: ["IdentitiesOnly yes"], env }) ?? "", /tried none|no key, agent/);
});

scenario("a key that is named and encrypted is the agent's to use; without one the error says what to do", async () => {
  await using set = await makeStage();
  await using agent = await startAgent(set.home.path);
  await agent.add(set.sshd.keyPath);
  const key = join(set.home.path, "encrypted");
  await Deno.copyFile(set.sshd.keyPath, key);
  await Deno.copyFile(`${set.sshd.keyPath}.pub`, `${key}.pub`);
  await run("ssh-keygen", ["-q", "-p", "-P", "", "-N", "secret", "-f", key]);
  assert.equal(await ask(set, { lines: [], key, env: { SSH_AUTH_SOCK: agent.socket } }), "in\n");
  assert.match(await ask(set, { lines: [], key }) ?? "", /is encrypted and no passphrase was given$/);
});

scenario("ConnectTimeout of ssh_config counts where no timeout was given", async () => {
  await using set = await makeStage();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const sshConfigFile = join(set.home.path, "config");
  await Deno.writeTextFile(
    sshConfigFile,
    `Host silent\n  HostName 127.0.0.1\n  Port ${silent.addr.port}\n  ConnectTimeout 1s\n`,
  );
  const options = set.options({ hosts: "silent", sshConfigFile });
  const { error } = await config(options).tryExec("true");
  assert.equal(error?.message, 'Gave up the SSH handshake with "silent" after 1s');
  const { error: ours } = await config({ ...options, timeout: "300ms" }).tryExec("true");
  assert.equal(ours?.message, 'Gave up the SSH handshake with "silent" after 300ms');
});
