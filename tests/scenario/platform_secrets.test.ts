import assert from "node:assert/strict";
import { join } from "node:path";
import { runToEnd } from "../support/agent_stage.ts";
import { PORTHOLE } from "../support/porthole.ts";
import { hasProgram } from "../support/programs.ts";
import { filesWith, type Leak, namesIn, ProcessWatch } from "../support/secret_watch.ts";
import { startSshd, type TestSshd } from "../support/sshd.ts";
import { makeUnionFixture, ROBOT, ROBOT_ENV, type UnionFixture } from "../support/union_client.ts";
import { attempt } from "../support/union_provider.ts";
import { aRun, connectError } from "../support/union_server.ts";
import { startValohaiServer, VALOHAI_TOKEN, type ValohaiServer } from "../support/valohai_server.ts";

const IDE = { uri: "/dataplane/pod/v1/x/6060/task/a/b/", name: "VS Code Debugger", linkType: "IDE", ready: true };
const BROWSER_SCRIPT = "await (await fetch(Deno.args[0])).text();";
/** The one that the user's own environment names, as its configuration says. */
const CLIENT_SECRET = "client secret";
const WRONG_TOKEN = "wrong-token-98765432100";

/** One user of both platforms; all that their programs print is kept. */
class User implements AsyncDisposable {
  readonly printed = new Map<string, string>();
  readonly #issued = new Map<string, string>();

  private constructor(
    readonly union: UnionFixture,
    readonly valohai: ValohaiServer,
    readonly sshd: TestSshd,
    private readonly env: Record<string, string>,
    private readonly stack: AsyncDisposableStack,
  ) {}

  static async create(): Promise<User> {
    const stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const sshd = stack.use(await startSshd(folder));
    const union = stack.use(
      await makeUnionFixture({ now: Date.now, podPort: sshd.port, headerKey: "flyte-authorization" }),
    );
    const valohai = stack.use(startValohaiServer({ createdSsh: { address: "127.0.0.1", port: sshd.port } }));
    const { home, server } = union;
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    server.oauth.redirectUri = `http://localhost:${listener.addr.port}/callback`;
    const script = join(home.path, "browser.ts");
    await Deno.writeTextFile(script, BROWSER_SCRIPT);
    const tmp = join(home.path, "tmp");
    await Deno.mkdir(tmp);
    const env = home.environment({
      BROWSER: `${Deno.execPath()} run -A --quiet --no-config ${script}`,
      TMPDIR: tmp,
      USER: "ann",
      PORTHOLE_DEBUG: "1",
      VALOHAI_HOST: valohai.origin,
      VALOHAI_PROJECT: "digits",
    });
    return new User(union, valohai, sshd, env, stack);
  }

  /** All that must stay secret, by a name for each. Tokens that were revoked or rotated meanwhile stay in it. */
  readonly secrets = (): ReadonlyMap<string, string> => {
    const { accessTokens, refreshTokens, clients } = this.union.server.oauth;
    for (const token of accessTokens.keys()) this.#issued.set(`access token ${token.slice(0, 16)}`, token);
    for (const token of refreshTokens) this.#issued.set(`refresh token ${token.slice(0, 17)}`, token);
    for (const [client, secret] of clients) if (client !== "robot") this.#issued.set(`secret of ${client}`, secret);
    this.#issued.set(CLIENT_SECRET, ROBOT_ENV.ROBOT_SECRET);
    this.#issued.set("Valohai token", VALOHAI_TOKEN).set("wrong Valohai token", WRONG_TOKEN);
    return this.#issued;
  };

  async keepPrivateKey(path: string): Promise<void> {
    const [, line = ""] = (await Deno.readTextFile(path)).split("\n").slice(1);
    assert.ok(line.length > 40);
    this.#issued.set(`private key ${path.split("/").slice(-2).join("/")}`, line);
  }

  async run(
    [program, ...args]: readonly [string, ...string[]],
    { input = "", env = {} }: { input?: string; env?: Record<string, string> } = {},
  ): Promise<number> {
    const { code, stdout, stderr } = await runToEnd(program, args, {
      stdin: input,
      env: { ...this.env, ...env },
      clearEnv: true,
      cwd: this.union.home.path,
    });
    const text = `${stdout}\n${stderr}`;
    this.printed.set(
      `${this.printed.size} ${[program === PORTHOLE[0] ? "porthole" : program, ...args.slice(-4)].join(" ")}`,
      text,
    );
    return code;
  }

  /** Runs porthole; fails unless it exits with `code`. */
  async porthole(code: number, args: readonly string[], options: Parameters<User["run"]>[1] = {}): Promise<void> {
    const found = await this.run([...PORTHOLE, ...args], options);
    assert.equal(found, code, `porthole ${args.join(" ")}: ${[...this.printed.values()].at(-1)}`);
  }

  /** A log of ssh in which everything is told. */
  async ssh(code: number, alias: string): Promise<void> {
    const config = join(this.union.home.path, ".ssh", "config");
    const found = await this.run(["ssh", "-vvv", "-F", config, "-o", "BatchMode=yes", alias, "true"]);
    assert.equal(found, code, [...this.printed.values()].at(-1));
  }

  /** Lets the public key in that stands beside the private one at `path`. */
  async admit(path: string): Promise<void> {
    await this.keepPrivateKey(path);
    await Deno.copyFile(`${path}.pub`, join(this.sshd.folder, "authorized_keys"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }
}

async function useUnion(user: User): Promise<void> {
  const { union: { server, home, configure } } = user;
  server.addRun(aRun("r1", { looks: { a0: [attempt("INITIALIZING"), attempt("RUNNING", { logInfo: [IDE] })] } }));
  await user.porthole(0, ["auth", "login", "--on", "union"]);
  await user.porthole(0, ["auth", "status", "--on", "union"]);
  await user.porthole(0, ["env"]);
  await user.admit(join(home.path, ".flyte", "ssh-debug", "id_ed25519"));
  const connect = ["connect", "r1", "--on", "union", "--user", user.sshd.user, "--write-config", "--no-multiplex"];
  await user.porthole(0, [...connect, "--poll-interval", "10ms"]);
  await user.ssh(0, "r1");
  user.secrets();
  server.oauth.rotate();
  await user.ssh(0, "r1");
  await user.porthole(0, ["auth", "api-key", "ensure", "--on", "union"]);
  await user.porthole(0, [...connect, "--api-key", "--refresh-token"]);
  await user.ssh(0, "r1");
  await user.porthole(0, ["launch", "--no-wait", "--rerun", "r1"]);
  // Servers that quote what they were sent.
  const quoting = () => {
    const tokens = [...server.oauth.accessTokens.keys()].map((token) => `authorization: Bearer ${token}`).join(" ");
    return connectError(403, "permission_denied", `not with ${tokens}`);
  };
  for (let times = 0; times < 2; times++) server.answerNext("ListRuns", quoting);
  await user.porthole(255, ["list", "--on", "union"]);
  user.secrets();
  server.oauth.rotate({ withRefreshTokens: true });
  server.oauth.clients.clear();
  await user.ssh(255, "r1");
  await user.porthole(255, ["list", "--on", "union", "--json"], { env: { BROWSER: "none" } });
  await configure(ROBOT);
  await user.porthole(255, ["list", "--on", "union"], { env: ROBOT_ENV });
}

async function useValohai(user: User): Promise<void> {
  const login = ["auth", "login", "--on", "valohai"];
  await user.porthole(255, login, { input: `${WRONG_TOKEN}\n` });
  await user.porthole(0, login, { input: `${VALOHAI_TOKEN}\n` });
  await user.porthole(0, ["launch", "--on", "valohai", "--step", "train", "--no-wait"]);
  await user.admit(join(user.union.home.portholeHome, "id_ed25519"));
  const connect = ["connect", "1", "--on", "valohai", "--user", user.sshd.user, "--write-config", "--no-multiplex"];
  await user.porthole(0, [...connect, "--poll-interval", "10ms"]);
  await user.ssh(0, "valohai-1");
  const key = join(user.union.home.portholeHome, "id_ed25519");
  await user.porthole(2, ["launch", "--on", "valohai", "--step", "train", "--debug-key-file", key]);
  await user.porthole(255, ["list", "--on", "valohai"], {
    env: { VALOHAI_HOST: user.union.server.endpoint, VALOHAI_TOKEN: "" },
  });
  await user.porthole(0, ["stop", "1", "--on", "valohai"]);
}

Deno.test({
  name:
    "no secret of either platform is in a command line, an environment, a log, an error or a file that others read (needs Linux, ssh, sshd)",
  ignore: Deno.build.os !== "linux" || !hasProgram("ssh") || !hasProgram("sshd"),
  async fn() {
    await using user = await User.create();
    const { path } = user.union.home;
    const watch = new ProcessWatch(path, user.secrets);
    try {
      await useUnion(user);
      await useValohai(user);
    } finally {
      await watch[Symbol.asyncDispose]();
    }
    const secrets = user.secrets();
    assert.ok(secrets.size > 8 && watch.looks > 50, `${secrets.size} secrets, ${watch.looks} looks`);
    const printed: Leak[] = [...user.printed].flatMap(([command, text]) =>
      namesIn(text, secrets).map((secret) => ({ secret, where: `output of ${command}` }))
    );
    const leaks = watch.leaks.filter(({ secret, where }) => secret !== CLIENT_SECRET || !where.startsWith("environ"));
    assert.deepEqual([...leaks, ...printed], []);
    const files = await filesWith(path, secrets);
    const places =
      /^\.porthole\/(?:tokens\/[^/]+\.json|api-keys\/[^/]+|id_ed25519) \(0600\)$|^\.flyte\/ssh-debug\/id_ed25519 \(0600\)$/;
    assert.deepEqual(files.filter(({ where }) => !places.test(where)), []);
    assert.ok(files.length >= 4, "the search finds what is there");
  },
});
