import assert from "node:assert/strict";
import type { SshConnection } from "../../src/ssh/client/connection.ts";
import { connectSsh, type ConnectSshOptions } from "../../src/ssh/client/connect.ts";
import { readIdentity } from "../../src/ssh/client/identity.ts";
import { Server, toDuplex } from "../../src/ssh/ssh2_adapter.ts";
import { generateEd25519 } from "../../src/ssh/keys/generate.ts";
import { createMemoryPair } from "../../src/stream/memory.ts";
import { dialTcp } from "../../src/stream/tcp.ts";
import { testServer } from "../../src/testing/mod.ts";
import { makeStage, sshdScenario } from "../support/fleet_stage.ts";
import type { TestSshd } from "../support/sshd.ts";

/** An SSH server in this process that takes one password, in one of two ways. */
async function passwordServer(method: "password" | "keyboard-interactive") {
  const server = new Server({ hostKeys: [(await generateEd25519()).privateKey] }, (client) => {
    client.on("error", () => {});
    client.on("authentication", (auth) => {
      if (auth.method === "password" && method === "password" && auth.password === "pw") return auth.accept();
      if (auth.method !== "keyboard-interactive" || method !== "keyboard-interactive") return auth.reject([method]);
      auth.prompt([{ prompt: "Password: ", echo: false }, { prompt: "Code: ", echo: true }], (answers) => {
        if (answers.join() === "pw,123") auth.accept();
        else auth.reject([method]);
      });
    });
  });
  const dial: ConnectSshOptions["dial"] = () => {
    const [near, far] = createMemoryPair();
    server.injectSocket(toDuplex(far) as never);
    return Promise.resolve(near);
  };
  return { dial, host: "it", user: "me", verifyHostKey: () => {}, connectTimeoutMs: 10_000 };
}

for (const method of ["password", "keyboard-interactive"] as const) {
  Deno.test(`connectSsh logs in by ${method}, and tells what the server takes when it is refused`, async () => {
    const options = await passwordServer(method);
    const asked: string[] = [];
    const ask = ({ text, isEchoed }: { text: string; isEchoed: boolean }) => {
      asked.push(`${text}${isEchoed}`);
      return Promise.resolve("123");
    };
    const connection = await connectSsh({ ...options, credentials: { password: "pw", ask } });
    await connection.close();
    assert.deepEqual(asked, method === "password" ? [] : ["Code: true"]);
    await assert.rejects(connectSsh({ ...options, credentials: { password: "no" } }), {
      code: "auth_denied",
      message: `Cannot log in to "it" as me: tried password${method === "password" ? "" : ", keyboard-interactive"}; ` +
        `the server takes ${method}`,
    });
  });
}

Deno.test("connectSsh asks for a password where it has none, and stops when the signal aborts", async () => {
  const options = await passwordServer("password");
  const connection = await connectSsh({ ...options, credentials: { ask: () => Promise.resolve("pw") } });
  await connection.close();
  const controller = new AbortController();
  const ask = () => {
    controller.abort(new Error("enough"));
    return new Promise<string>(() => {});
  };
  await assert.rejects(connectSsh({ ...options, credentials: { ask }, signal: controller.signal }), {
    message: "enough",
  });
});

async function connectTo({ port, user, keyPath }: TestSshd): Promise<SshConnection> {
  return await connectSsh({
    dial: ({ signal }) => dialTcp({ hostname: "127.0.0.1", port, signal }),
    host: "it",
    user,
    credentials: { identities: [await readIdentity(keyPath)] },
    verifyHostKey: () => {},
    connectTimeoutMs: 10_000,
  });
}

/** More than the widened window of a channel, so that it runs dry again and again. */
const FLOOD_BYTES = 40_000_000;

sshdScenario("a subsystem's bytes arrive whole at a reader that is slower than they come", async () => {
  const flood = `Subsystem flood head -c ${FLOOD_BYTES} /dev/zero`;
  await using set = await makeStage({ config: [flood] });
  await using connection = await connectTo(set.sshd);
  using stream = await connection.openSubsystem("flood");
  let total = 0;
  for (let bytes; (bytes = await stream.read()) !== null;) {
    total += bytes.length;
    // A turn of the event loop for each piece: what comes piles up meanwhile, to the window's end.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert.equal(total, FLOOD_BYTES);
});

Deno.test("connectSsh lets a person take longer than the time to connect", async () => {
  const options = { ...await passwordServer("password"), connectTimeoutMs: 1000 };
  const limit = Promise.withResolvers<void>();
  setTimeout(limit.resolve, options.connectTimeoutMs + 100);
  const ask = () => limit.promise.then(() => "pw");
  const connection = await connectSsh({ ...options, credentials: { ask } });
  await connection.close();
});

Deno.test("a server that hangs up while its key is looked up is an error, even where the answer comes later", async () => {
  const server = await testServer({ password: "p" }).start();
  const { port } = server;
  const answered = Promise.withResolvers<void>();
  const connecting = connectSsh({
    dial: ({ signal }) => dialTcp({ hostname: "127.0.0.1", port, signal }),
    host: "it",
    user: "me",
    credentials: {},
    connectTimeoutMs: 10_000,
    async verifyHostKey() {
      await server.shutdown();
      await answered.promise;
      throw new Error("it is not the right one");
    },
  });
  await assert.rejects(connecting, { code: "handshake_failed", message: /hung up before the keys/ });
  answered.resolve();
  // What ssh2 makes of the answer comes a turn later, and nobody would catch it.
  await new Promise((resolve) => setTimeout(resolve, 0));
});

sshdScenario("disposing a connection with a command on it ends both, and may be done twice", async () => {
  await using set = await makeStage();
  const connection = await connectTo(set.sshd);
  const command = await connection.exec("cat");
  connection[Symbol.dispose]();
  assert.deepEqual(await command.exit, { code: null, signal: null });
  assert.equal(await command.stdout.read(), null);
  await connection.close();
  await assert.rejects(connection.exec("true"), { code: "tunnel_closed" });
});

Deno.test("a server that hangs up at once is said to hang up, and why it may", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hangingUp = (async () => {
    for await (const connection of listener) connection.close();
  })();
  const { port } = listener.addr;
  const connecting = connectSsh({
    dial: ({ signal }) => dialTcp({ hostname: "127.0.0.1", port, signal }),
    host: "it",
    user: "me",
    credentials: {},
    verifyHostKey: () => {},
    connectTimeoutMs: 10_000,
  });
  await assert.rejects(connecting, {
    code: "handshake_failed",
    message: /^"it" hung up|^The connection to "it" broke/,
  });
  listener.close();
  await hangingUp;
});
