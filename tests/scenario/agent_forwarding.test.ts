import assert from "node:assert/strict";
import { join } from "node:path";
import type { ByteStream } from "../../src/stream/byte_stream.ts";
import { copyBytes } from "../../src/stream/pump.ts";
import { streamFromConn } from "../../src/stream/tcp.ts";
import { type AgentStage, eventually, makeAgentStage, runToEnd } from "../support/agent_stage.ts";
import { freePort } from "../support/sshd.ts";
import { hasProgram } from "../support/programs.ts";

/** An echo server: what it gets it sends back, then it closes. */
function listenEcho(options: Deno.TcpListenOptions | (Deno.UnixListenOptions & { transport: "unix" })) {
  const listener = "path" in options ? Deno.listen(options) : Deno.listen(options);
  const serving = (async () => {
    for await (const conn of listener) echo(streamFromConn(conn));
  })();
  return {
    port: "port" in listener.addr ? listener.addr.port : 0,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

async function echo(stream: ByteStream): Promise<void> {
  using _ = stream;
  await copyBytes(stream, stream).catch(() => {/* the client left */});
}

/** What comes back for `text` once our half of the connection is closed. */
async function askEcho(connect: () => Promise<Deno.Conn>, text: string): Promise<string> {
  using stream = streamFromConn(await connect());
  const writing = stream.write(new TextEncoder().encode(text)).then(() => stream.closeWrite());
  let answer = "";
  for (let bytes = await stream.read(); bytes !== null; bytes = await stream.read()) {
    answer += new TextDecoder().decode(bytes);
  }
  await writing;
  return answer;
}

async function withTunnel(stage: AgentStage, args: readonly string[], use: () => Promise<void>): Promise<void> {
  const client = new Deno.Command("ssh", {
    args: [...stage.sshArgs, "-N", "-o", "ExitOnForwardFailure=yes", ...args, "x@127.0.0.1"],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  try {
    await use();
  } finally {
    client.kill();
    await client.status;
  }
}

function canConnect(options: Deno.ConnectOptions): Promise<boolean> {
  return Deno.connect(options).then((conn) => {
    conn.close();
    return true;
  }, () => false);
}

function scenario(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `${name} (needs ssh)`, ignore: !hasProgram("ssh"), fn });
}

const TEXT = "forwarded ".repeat(50_000);

scenario("-L reaches a port as the job sees it, with half-closes", async () => {
  await using stage = await makeAgentStage();
  await using echo = listenEcho({ hostname: "127.0.0.1", port: 0 });
  const port = freePort();
  await withTunnel(stage, ["-L", `${port}:127.0.0.1:${echo.port}`], async () => {
    await eventually("the port listens", () => canConnect({ port }));
    assert.ok(await askEcho(() => Deno.connect({ port }), TEXT) === TEXT);
  });
});

scenario("-D serves SOCKS, and a refused connection is closed at once", async () => {
  await using stage = await makeAgentStage();
  await using echo = listenEcho({ hostname: "127.0.0.1", port: 0 });
  const port = freePort();
  const dial = async (target: number) => {
    const conn = await Deno.connect({ port });
    await conn.write(new Uint8Array([5, 1, 0]));
    await conn.read(new Uint8Array(2));
    await conn.write(new Uint8Array([5, 1, 0, 1, 127, 0, 0, 1, target >> 8, target & 255]));
    const reply = new Uint8Array(10);
    await conn.read(reply);
    return { conn, status: reply[1] };
  };
  await withTunnel(stage, ["-D", String(port)], async () => {
    await eventually("the port listens", () => canConnect({ port }));
    const { conn, status } = await dial(echo.port);
    assert.equal(status, 0);
    assert.equal(await askEcho(() => Promise.resolve(conn), "socks"), "socks");
    const refused = await dial(freePort());
    // OpenSSH's client says yes before it asked; its closing the connection is the refusal.
    assert.equal(await refused.conn.read(new Uint8Array(1)), null);
    refused.conn.close();
  });
});

scenario("a place that cannot be reached is told to the client, with the reason", async () => {
  await using stage = await makeAgentStage();
  const port = freePort();
  const { code, stderr } = await runToEnd("ssh", [
    ...["-o", "LogLevel=INFO", ...stage.sshArgs],
    ...["-W", `127.0.0.1:${port}`, "any@127.0.0.1"],
  ]);
  assert.equal(code, 255);
  assert.match(stderr, new RegExp(`connect failed: Cannot connect to "127.0.0.1:${port}": connection refused`));
});

scenario("-R listens inside the job, and stops with the client", async () => {
  await using stage = await makeAgentStage();
  await using echo = listenEcho({ hostname: "127.0.0.1", port: 0 });
  const port = freePort();
  const socket = join(stage.folder, "remote.sock");
  const remotes = ["-R", `127.0.0.1:${port}:127.0.0.1:${echo.port}`, "-R", `${socket}:127.0.0.1:${echo.port}`];
  await withTunnel(stage, remotes, async () => {
    await eventually("the port listens", () => canConnect({ port }));
    assert.ok(await askEcho(() => Deno.connect({ port }), TEXT) === TEXT);
    await eventually("the socket is there", () => Deno.stat(socket).then(() => true, () => false));
    assert.equal(await askEcho(() => Deno.connect({ transport: "unix", path: socket }), "unix"), "unix");
    assert.equal(((await Deno.stat(socket)).mode ?? 0) & 0o777, 0o600);
  });
  await eventually("nobody listens any more", async () => !await canConnect({ port }));
  await assert.rejects(Deno.stat(socket), Deno.errors.NotFound);
});

scenario("-L reaches a unix socket inside the job", async () => {
  await using stage = await makeAgentStage();
  const path = join(stage.folder, "inside.sock");
  await using _echo = listenEcho({ transport: "unix", path });
  const port = freePort();
  await withTunnel(stage, ["-L", `${port}:${path}`], async () => {
    await eventually("the port listens", () => canConnect({ port }));
    assert.equal(await askEcho(() => Deno.connect({ port }), "unix"), "unix");
  });
});

Deno.test({
  name: "-A lets programs in the job ask the client's key agent (needs ssh, ssh-agent, ssh-add)",
  ignore: !["ssh", "ssh-agent", "ssh-add"].every(hasProgram),
  fn: async () => {
    await using stage = await makeAgentStage();
    const inside = `${[...stage.sshArgs].map((word) => `'${word}'`).join(" ")}`;
    const script =
      `ssh-add -q '${stage.keyFile}' && ssh ${inside} -A x@127.0.0.1 'stat -c %a "$(dirname "$SSH_AUTH_SOCK")"; ` +
      `echo "$SSH_AUTH_SOCK"; ssh-add -L'`;
    const { stdout } = await runToEnd("ssh-agent", ["sh", "-c", script], { env: { HOME: stage.folder } });
    const [mode, socket = "", key = ""] = stdout.split("\n");
    assert.equal(mode, "700");
    assert.ok(key.startsWith(stage.publicKey.trim()), key);
    await eventually(
      "the socket's folder is removed",
      () => Deno.stat(join(socket, "..")).then(() => false, () => true),
    );
  },
});
