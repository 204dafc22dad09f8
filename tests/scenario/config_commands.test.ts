import assert from "node:assert/strict";
import { join } from "node:path";
import { configList } from "../../src/cli/commands/config_list.ts";
import { configRemove } from "../../src/cli/commands/config_remove.ts";
import { configShow } from "../../src/cli/commands/config_show.ts";
import { configWrite } from "../../src/cli/commands/config_write.ts";
import type { TargetRecord } from "../../src/targets/target.ts";
import { saveTarget } from "../../src/targets/target_store.ts";
import { compiledTitle, findCompiled } from "../support/compiled.ts";
import { quietContext } from "../support/command_context.ts";
import { runAt } from "../support/porthole.ts";
import { makeTempHome } from "../support/temp_home.ts";

const COMPILED = findCompiled();
const WRITE = { file: undefined, all: false, "dry-run": false, multiplex: true, include: false };
const REMOVE = { file: undefined, all: false, "dry-run": false };
const STYLE = { color: false, width: Infinity };

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

function record(alias: string): TargetRecord {
  return {
    version: 1,
    alias,
    provider: "local",
    runName: `run-of-${alias}`,
    actionName: "a0",
    attempt: 0,
    route: { kind: "websocket", url: "ws://127.0.0.1:6060/" },
    user: "root",
    identityFile: "/k",
    hostKeyAlias: `local-${alias}-0`,
    hostKeyCheck: "yes",
    createdAt: "2031-02-03T04:05:06Z",
  };
}

const input = <F>(flags: F, ...positionals: string[]) => ({ flags, positionals, rest: [] });

Deno.test("config write, list, show and remove take a target through ~/.ssh/config and leave no trace", async () => {
  await using home = await makeTempHome();
  const env = quietContext(home).env;
  const path = join(home.path, ".ssh", "config");
  await Deno.mkdir(join(home.path, ".ssh"));
  await Deno.writeTextFile(path, "Host *\n    User me");
  await saveTarget(env, record("demo"));
  await saveTarget(env, record("other"));

  const [shown] = await collect(configShow.run(input({ multiplex: true }, "demo"), quietContext(home)));
  assert.ok(shown);
  assert.match(configShow.format(shown, STYLE), /^Host demo\n {4}HostName demo\n/);

  const [planned] = await collect(configWrite.run(input({ ...WRITE, "dry-run": true }, "demo"), quietContext(home)));
  assert.ok(planned);
  assert.match(
    configWrite.format(planned, STYLE),
    /^--- .*\n\+\+\+ .*\n@@ .*\n\+# >>> porthole demo >>>\n\+Host demo\n/,
  );
  assert.equal(await Deno.readTextFile(path), "Host *\n    User me");

  const [written] = await collect(configWrite.run(input(WRITE, "demo"), quietContext(home)));
  assert.ok(written);
  assert.equal(configWrite.format(written, STYLE), `changed ${path}; as it was: ${path}.porthole-backup\n`);
  assert.ok((await Deno.readTextFile(path)).includes(shown.sshConfig));
  assert.equal((await Deno.stat(join(home.path, ".porthole", "cm"))).isDirectory, true);

  assert.deepEqual(await collect(configList.run(input({ file: undefined }), quietContext(home))), [
    { alias: "demo", runName: "run-of-demo", path, line: 1 },
    { alias: "other", runName: "run-of-other" },
  ]);

  await collect(configRemove.run(input(REMOVE, "demo"), quietContext(home)));
  assert.equal(await Deno.readTextFile(path), "Host *\n    User me");
  await assert.rejects(collect(configRemove.run(input(REMOVE, "demo"), quietContext(home))), {
    code: "not_found",
    message: `Cannot find "demo" in ${JSON.stringify(path)}`,
  });
});

Deno.test("config write --all --include writes every target, config remove --all takes all of them out", async () => {
  await using home = await makeTempHome();
  const env = quietContext(home).env;
  await saveTarget(env, record("a"));
  await saveTarget(env, record("b"));
  const results = await collect(configWrite.run(input({ ...WRITE, all: true, include: true }), quietContext(home)));
  assert.deepEqual(results.map(({ path }) => path), [
    join(home.path, ".porthole", "ssh_config"),
    join(home.path, ".ssh", "config"),
  ]);
  assert.equal((await collect(configList.run(input({ file: undefined }), quietContext(home)))).length, 2);
  await collect(configRemove.run(input({ ...REMOVE, all: true }), quietContext(home)));
  await assert.rejects(Deno.lstat(join(home.path, ".ssh", "config")), Deno.errors.NotFound);
});

Deno.test("config write wants a name or --all, not both", async () => {
  await using home = await makeTempHome();
  await assert.rejects(collect(configWrite.run(input(WRITE), quietContext(home))), {
    code: "usage",
    message: "Needed the name of a host",
  });
  await assert.rejects(collect(configWrite.run(input({ ...WRITE, all: true }, "demo"), quietContext(home))), {
    code: "usage",
    message: "Cannot take a name with --all",
  });
});

Deno.test("config list and write say so where there is no target, and touch nothing", async () => {
  await using home = await makeTempHome();
  const notices: string[] = [];
  const context = { ...quietContext(home), notice: (line: string) => notices.push(line) };
  assert.deepEqual(await collect(configList.run(input({ file: undefined }), context)), []);
  assert.deepEqual(await collect(configWrite.run(input({ ...WRITE, all: true, include: true }), context)), []);
  assert.deepEqual(notices, Array(2).fill("No targets yet: porthole connect RUN makes one"));
  await assert.rejects(Deno.stat(join(home.path, ".ssh")), Deno.errors.NotFound);
});

Deno.test({
  name: compiledTitle("a backup that cannot be written whole is not left half written, and nothing changes", COMPILED),
  // From its source it could not even start: files of the runtime's cache are larger than is allowed here.
  ignore: COMPILED.path === undefined || Deno.build.os === "windows",
  async fn() {
    await using home = await makeTempHome();
    await saveTarget(home.environment(), record("demo"));
    const path = join(home.path, "config");
    const text = "# a long configuration\n".repeat(4000);
    await Deno.writeTextFile(path, text);
    const write: [string, ...string[]] = [COMPILED.path ?? "", "config", "write", "demo", "--file", path];
    const { code } = await runAt(home, ["sh", "-c", 'ulimit -f 8; exec "$@"', "sh", ...write]);
    assert.notEqual(code, 0);
    assert.equal(await Deno.readTextFile(path), text);
    await assert.rejects(Deno.stat(`${path}.porthole-backup`), Deno.errors.NotFound);
    assert.equal((await runAt(home, write)).code, 0);
    assert.equal(await Deno.readTextFile(`${path}.porthole-backup`), text);
  },
});
