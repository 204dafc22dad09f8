import assert from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "../../src/base/errors.ts";
import { ensureKeypair } from "../../src/ssh/keys/ensure_keypair.ts";
import { stageValohai } from "../support/valohai_stage.ts";

const SSH = { address: "52.214.159.193", port: 2222 };
const RUN = { actionName: "a0" };

Deno.test("explain turns a refused connection into the firewall rules, with the caller's own address", async () => {
  await using at = await stageValohai({ executions: [{ counter: 3, script: [{ status: "started" }], ssh: SSH }] });
  const refused = new AppError("timeout", "Cannot reach it within 30s", { details: { reason: "refused" } });
  const route = { kind: "tcp", host: "127.0.0.1", port: 2222 } as const;
  const error = await at.provider.explain(refused, { runName: "3", ...RUN, route });
  assert.equal(error.code, "dial_failed");
  assert.equal(error.message, "Cannot reach execution #3 at 127.0.0.1:2222: the connection was refused");
  for (
    const part of [
      "aws ec2 authorize-security-group-ingress",
      "valohai-fr-worker-ssh",
      "AllowValohaiSSH",
      "127.0.0.1/32",
    ]
  ) {
    assert.ok(error.hint?.includes(part), part);
  }
  assert.ok(!error.hint?.includes("0.0.0.0/0"));
  const commands = error.hint?.split("\n").filter((line) => /^(?:GROUP_ID=|aws |gcloud |az )/.test(line));
  assert.equal(commands?.length, 4, "a command stands at the beginning of its line, to be pasted");
});

Deno.test("explain blames no firewall where something takes the connection and is no SSH server", async () => {
  await using at = await stageValohai({ executions: [{ counter: 3, script: [{ status: "started" }], ssh: SSH }] });
  const silent = new AppError("timeout", "Cannot reach it within 30s", { details: { reason: "silent" } });
  const route = { kind: "tcp", host: "127.0.0.1", port: 2222 } as const;
  const error = await at.provider.explain(silent, { runName: "3", ...RUN, route });
  assert.equal(
    error.message,
    "Cannot reach execution #3 at 127.0.0.1:2222: something takes the connection, and it is no SSH server",
  );
  assert.match(error.hint ?? "", /^The firewall is open\./);
});

Deno.test("explain leaves a log-in that hangs alone: the port is open", async () => {
  await using at = await stageValohai({ executions: [{ counter: 3, script: [{ status: "started" }], ssh: SSH }] });
  const hangs = new AppError("timeout", "Cannot reach valohai-3 within 30s");
  const route = { kind: "tcp", host: "127.0.0.1", port: 2222 } as const;
  assert.equal(await at.provider.explain(hangs, { runName: "3", ...RUN, route }), hangs);
});

Deno.test("explain says that the execution ended meanwhile, whatever the dial said", async () => {
  await using at = await stageValohai({ executions: [{ counter: 3, script: [{ status: "complete" }], ssh: SSH }] });
  const error = await at.provider.explain(new AppError("dial_failed", "timed out"), {
    runName: "3",
    ...RUN,
    route: { kind: "tcp", host: "127.0.0.1", port: 2222 },
  });
  assert.equal(error.code, "run_ended");
});

Deno.test("explain tells which key the execution has and which was offered, and when they are one", async () => {
  await using at = await stageValohai({ executions: [{ counter: 3, script: [{ status: "started" }], ssh: SSH }] });
  await at.provider.launch({ command: [], env: {}, options: { step: "train" } });
  const denied = (offeredIdentityFile: string) =>
    at.provider.explain(new AppError("auth_denied", "Permission denied"), {
      runName: "4",
      ...RUN,
      route: { kind: "tcp", host: "127.0.0.1", port: 2222 },
      offeredIdentityFile,
    });
  const other = await denied((await ensureKeypair({ path: join(at.home, "other") })).privateKeyPath);
  assert.equal(other.code, "auth_denied");
  assert.match(
    other.message,
    /^Execution #4 does not let this key in: it has ssh-ed25519 SHA256:\S+ \(.*\); offered was ssh-ed25519 SHA256:\S+ \(.*\) from /,
  );
  const own = await denied(join(at.home, ".porthole", "id_ed25519"));
  assert.match(own.message, /^Execution #4 does not let its own key in: ssh-ed25519 SHA256:\S+ \(.*\) from /);
  assert.match(
    own.hint ?? "",
    /^Its SSH server may have just begun, or want another user: porthole connect 4 --on valohai/,
  );
});

Deno.test("explain tells why ssh offered no key at all", async () => {
  await using at = await stageValohai({ executions: [{ counter: 3, script: [{ status: "started" }], ssh: SSH }] });
  const { privateKeyPath } = await ensureKeypair({ path: join(at.home, "key") });
  const denied = (offeredIdentityFile: string) =>
    at.provider.explain(new AppError("auth_denied", "Permission denied"), {
      runName: "3",
      ...RUN,
      route: { kind: "tcp", host: "127.0.0.1", port: 2222 },
      offeredIdentityFile,
    });
  const asPublic = await denied(`${privateKeyPath}.pub`);
  assert.match(asPublic.message, /; none was offered, since ".*\/key\.pub" is a public key$/);
  assert.equal(
    asPublic.hint,
    `Give its private half: porthole connect 3 --on valohai --identity-file ${privateKeyPath}`,
  );
  await Deno.chmod(privateKeyPath, 0o644);
  const readable = await denied(privateKeyPath);
  assert.match(readable.message, /"\S+\/key" has the mode 0644, and ssh ignores a key that others may read$/);
  assert.equal(
    readable.hint,
    `chmod 600 ${privateKeyPath}, then porthole connect 3 --on valohai --identity-file ${privateKeyPath}`,
  );
});

Deno.test("explain leaves alone what is not about the way to the execution", async () => {
  await using at = await stageValohai();
  const error = new AppError("not_found", "Cannot find execution #9");
  assert.equal(await at.provider.explain(error, { runName: "9", ...RUN }), error);
  const denied = new AppError("auth_denied", "no log-in");
  assert.equal(await at.provider.explain(denied, { runName: "9", ...RUN }), denied);
  assert.deepEqual(at.server.requests, []);
});

Deno.test("explain leads to the firewall when the API is out of reach as well", async () => {
  const at = await stageValohai();
  await at[Symbol.asyncDispose]();
  const route = { kind: "tcp", host: "198.51.100.7", port: 2222 } as const;
  const error = await at.provider.explain(new AppError("timeout", "-", { details: { reason: "timeout" } }), {
    runName: "3",
    ...RUN,
    route,
  });
  assert.equal(error.code, "dial_failed");
  assert.match(error.message, /^Cannot reach execution #3 at 198\.51\.100\.7:2222: the connection timed out/);
});
