import assert from "node:assert/strict";
import { AppError } from "../../src/base/errors.ts";
import { parseForwards } from "../../src/targets/forward_spec.ts";
import { type ForwardEvent, keepTunnels } from "../../src/targets/forward_tunnels.ts";
import { hasProgram } from "../support/programs.ts";
import { run, startSshd, type TestSshd } from "../support/sshd.ts";

const NEEDS_SSH = !hasProgram("ssh") || !hasProgram("sshd");

/** A TCP relay before sshd whose connections a test can cut. */
class Relay implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #conns = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;

  constructor(private readonly target: number) {
    this.#serving = this.#serve();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  cut(): void {
    for (const conn of this.#conns) close(conn);
    this.#conns.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const pumps: Promise<unknown>[] = [];
    for await (const near of this.#listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port: this.target });
      this.#conns.add(near).add(far);
      pumps.push(pump(near, far), pump(far, near));
    }
    await Promise.all(pumps);
  }
}

async function pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(16_384);
  try {
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) break;
      for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
    }
  } catch {
    // Cut: that is what it is for.
  }
  close(from);
  close(to);
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // The other pump was first.
  }
}

function config(sshd: TestSshd, { port = sshd.port, key = sshd.keyPath } = {}): () => Promise<string> {
  return () =>
    Promise.resolve([
      "Host run",
      "  HostName 127.0.0.1",
      `  Port ${port}`,
      `  User ${sshd.user}`,
      `  IdentityFile ${key}`,
      "  IdentitiesOnly yes",
      "  IdentityAgent none",
      "  StrictHostKeyChecking no",
      `  UserKnownHostsFile ${sshd.folder}/known_hosts`,
      "",
    ].join("\n"));
}

/** Keeps tunnels until the test is done with them; what happened is taken event by event. */
function keep(options: Omit<Parameters<typeof keepTunnels>[0], "alias" | "signal">) {
  const controller = new AbortController();
  const events = keepTunnels({ ...options, alias: "run", signal: controller.signal });
  return {
    async until<K extends ForwardEvent["kind"]>(kind: K): Promise<Extract<ForwardEvent, { kind: K }>> {
      for (;;) {
        const { value, done } = await events.next();
        assert.ok(!done);
        if (isKind(value, kind)) return value;
      }
    },
    next: () => events.next(),
    async [Symbol.asyncDispose]() {
      controller.abort();
      await assert.rejects(events.next().then(() => events.next()), { name: "AbortError" });
    },
  };
}

function isKind<K extends ForwardEvent["kind"]>(
  event: ForwardEvent,
  kind: K,
): event is Extract<ForwardEvent, { kind: K }> {
  return event.kind === kind;
}

function startHttp(text: string, port = 0): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, () => new Response(text));
}

async function bodyAt(url: string): Promise<string> {
  return await (await fetch(url, { headers: { connection: "close" } })).text();
}

/** The ssh processes that hold tunnels for this test, by what stands on their command lines. */
async function sshPids(needle: string): Promise<string[]> {
  const lines = (await run("ps", ["-eo", "pid=,args="])).split("\n");
  return lines.filter((line) => line.includes("porthole-forward-") && line.includes(needle));
}

function test(name: string, fn: (sshd: TestSshd) => Promise<void>, sshdConfig: readonly string[] = []): void {
  Deno.test({
    name: `${name} (needs ssh and sshd)`,
    ignore: NEEDS_SSH,
    async fn() {
      const folder = await Deno.makeTempDir();
      try {
        await using sshd = await startSshd(folder, { config: sshdConfig });
        await fn(sshd);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

test("keepTunnels tells the URL once the service behind a tunnel answers, and leaves no ssh", async (sshd) => {
  await using http = startHttp("hello");
  const specs = parseForwards([`${http.addr.port}`]).map((spec) => ({ ...spec, isHttp: true }));
  {
    await using tunnels = keep({ specs, config: config(sshd) });
    const { url, tunnel } = await tunnels.until("ready");
    // The service itself has the port here, so that the tunnel had to take another.
    assert.notEqual(tunnel.localPort, http.addr.port);
    assert.equal(tunnel.busyPort, http.addr.port);
    assert.equal(url, `http://127.0.0.1:${tunnel.localPort}/`);
    assert.equal(await bodyAt(url), "hello");
    assert.equal((await sshPids(`localhost:${http.addr.port}`)).length, 1);
  }
  assert.deepEqual(await sshPids(`localhost:${http.addr.port}`), []);
});

test("keepTunnels waits for a service that is started later", async (sshd) => {
  const reserved = startHttp("");
  const { port } = reserved.addr;
  await reserved.shutdown();
  const [spec] = parseForwards([`${port}`]);
  assert.ok(spec);
  using blocker = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const specs = [{ ...spec, localPort: blocker.addr.port, isHttp: true }];
  await using tunnels = keep({ specs, config: config(sshd) });
  const waiting = await tunnels.until("waiting");
  assert.equal(waiting.tunnel.remotePort, port);
  await using _http = startHttp("late", port);
  const { url } = await tunnels.until("ready");
  assert.equal(await bodyAt(url), "late");
});

test("keepTunnels says that the far end forbids a tunnel", async (sshd) => {
  await using tunnels = keep({ specs: parseForwards(["tensorboard"]), config: config(sshd) });
  assert.equal((await tunnels.until("waiting")).found, "its SSH server forbids tunnels to port 6006");
}, ["AllowTcpForwarding no"]);

test("keepTunnels counts a service that speaks no HTTP and waits to be spoken to as an answer", async (sshd) => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const conn of silent) accepted.push(conn);
  })();
  {
    await using tunnels = keep({ specs: parseForwards([`${silent.addr.port}`]), config: config(sshd) });
    const { url, tunnel } = await tunnels.until("ready");
    assert.equal(url, `127.0.0.1:${tunnel.localPort}`);
  }
  silent.close();
  await accepting;
  accepted.forEach(close);
});

test("keepTunnels refuses a busy local port that was named, without starting ssh", async (sshd) => {
  using busy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const events = keepTunnels({
    alias: "run",
    specs: parseForwards([`${busy.addr.port}:80`]),
    config: config(sshd),
    signal: new AbortController().signal,
  });
  await assert.rejects(events.next(), (error: unknown) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, "already_exists");
    assert.equal(
      error.message,
      `Cannot forward "${busy.addr.port}:80": the local port ${busy.addr.port} is busy`,
    );
    return true;
  });
});

test("keepTunnels brings a dropped tunnel back on the same local port", async (sshd) => {
  await using relay = new Relay(sshd.port);
  await using http = startHttp("still here");
  const specs = parseForwards([`${http.addr.port}`]).map((spec) => ({ ...spec, isHttp: true }));
  await using tunnels = keep({ specs, config: config(sshd, { port: relay.port }), sleep: () => Promise.resolve() });
  const { url } = await tunnels.until("ready");
  relay.cut();
  const dropped = await tunnels.until("dropped");
  assert.equal(dropped.error.code, "tunnel_closed");
  await tunnels.until("restored");
  assert.equal(await bodyAt(url), "still here");
});

test("keepTunnels fails at once when the key is not let in", async (sshd) => {
  const key = `${sshd.folder}/other_key`;
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  const events = keepTunnels({
    alias: "run",
    specs: parseForwards(["debugpy"]),
    config: config(sshd, { key }),
    signal: new AbortController().signal,
  });
  await assert.rejects(events.next(), (error: unknown) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, "auth_denied");
    assert.match(error.message, /^Cannot log in: .*Permission denied \(publickey/);
    return true;
  });
});

test("keepTunnels fails at once when nobody listens at the target", async (sshd) => {
  const port = (() => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    return listener.addr.port;
  })();
  const signal = new AbortController().signal;
  const events = keepTunnels({ alias: "run", specs: parseForwards(["8080"]), config: config(sshd, { port }), signal });
  await assert.rejects(events.next(), { code: "dial_failed", message: /Connection refused/ });
});

test("keepTunnels looks for ports again, and says nothing, when somebody was quicker than ssh", async (sshd) => {
  await using http = startHttp("second try");
  const sshProgram = `${sshd.folder}/ssh`;
  await Deno.writeTextFile(
    sshProgram,
    `#!/bin/sh
if [ ! -e ${sshd.folder}/tried ]; then
  touch ${sshd.folder}/tried
  echo "bind [127.0.0.1]:${http.addr.port}: Address already in use" >&2
  echo "Could not request local forwarding." >&2
  exit 255
fi
exec ssh "$@"
`,
    { mode: 0o755 },
  );
  const specs = parseForwards([`tensorboard:${http.addr.port}`]);
  await using tunnels = keep({ specs, config: config(sshd), sshProgram });
  const { value } = await tunnels.next();
  assert.ok(value && isKind(value, "ready"));
  assert.equal(await bodyAt(value.url), "second try");
});

test("keepTunnels says that a program is missing when there is no ssh", async (sshd) => {
  const signal = new AbortController().signal;
  const sshProgram = `${sshd.folder}/no-ssh`;
  const events = keepTunnels({
    alias: "run",
    specs: parseForwards(["8080"]),
    config: config(sshd),
    signal,
    sshProgram,
  });
  await assert.rejects(events.next(), { code: "config_invalid", message: /^Cannot find the program / });
});
