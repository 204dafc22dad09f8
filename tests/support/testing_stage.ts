import { join } from "node:path";
import { type TestKey, type TestServer, testServer, type TestServerOptions } from "../../src/testing/mod.ts";
import { type Outcome, runToEnd } from "./agent_stage.ts";
import { makeTempHome, type TempHome } from "./temp_home.ts";

/** A test server that listens, a key that it lets in, and a home whose known_hosts knows it. */
export interface TestingStage extends AsyncDisposable {
  readonly server: TestServer;
  readonly key: TestKey;
  readonly home: TempHome;
  readonly knownHostsFile: string;
  /** Options for `ssh`, `scp` and `sftp`, without the port. */
  readonly options: readonly string[];
  /** Runs the system's ssh to its end. */
  ssh(args: readonly string[], options?: { stdin?: string | Uint8Array }): Promise<Outcome>;
  /** Runs `scp` or `sftp`, whose `-P` is the port. */
  copy(program: "scp" | "sftp", args: readonly string[], options?: { stdin?: string }): Promise<Outcome>;
}

/** Sets the stage; disposing it takes everything down. */
export async function makeTestingStage(options: TestServerOptions = {}): Promise<TestingStage> {
  const home = await makeTempHome();
  const server = await testServer(options).start();
  const key = await server.testKey();
  const knownHostsFile = join(home.path, "known_hosts");
  await Deno.writeTextFile(knownHostsFile, `${server.knownHostsLine}\n`);
  const own = [
    ["IdentitiesOnly", "yes"],
    ["IdentityFile", key.path],
    ["UserKnownHostsFile", knownHostsFile],
    ["GlobalKnownHostsFile", "none"],
    ["BatchMode", "yes"],
    ["LogLevel", "ERROR"],
    ["User", server.user],
  ].flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const args = ["-F", "none", ...own];
  const env = home.environment();
  return {
    server,
    key,
    home,
    knownHostsFile,
    options: args,
    ssh: (words, { stdin = "" } = {}) =>
      runToEnd("ssh", [...args, "-p", String(server.port), ...words], { stdin, env }),
    copy: (program, words, { stdin = "" } = {}) =>
      runToEnd(program, ["-q", ...args, "-P", String(server.port), ...words], { stdin, env }),
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await home[Symbol.asyncDispose]();
    },
  };
}
