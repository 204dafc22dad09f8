import assert from "node:assert/strict";
import { join } from "node:path";
import { describeTree, makeOddTree, runProgram, type RunResult, writeLauncher } from "../support/openssh_copy.ts";
import { hasProgram } from "../support/programs.ts";
import { makeTempHome } from "../support/temp_home.ts";

interface Scene {
  readonly local: string;
  readonly remote: string;
  scp(...args: string[]): Promise<RunResult>;
}

/** Runs scp in `local` against our server, which starts in `remote`; `host:` is any name. */
async function withScp(talk: (scene: Scene) => Promise<void>): Promise<void> {
  await using home = await makeTempHome();
  const launcher = await writeLauncher(home.path, "scp_server.ts");
  const local = join(home.path, "local");
  const remote = join(home.path, "remote");
  await Deno.mkdir(local);
  await Deno.mkdir(remote);
  const env = home.environment({ REMOTE_CWD: remote });
  await talk({ local, remote, scp: (...args) => runProgram("scp", ["-S", launcher, ...args], { cwd: local, env }) });
}

const needsScp = { ignore: !hasProgram("scp") };

for (const [protocol, flag] of [["the old protocol", "-O"], ["SFTP", "-s"]] as const) {
  Deno.test({
    name: `scp copies a tree of odd names there and back by ${protocol} (needs scp)`,
    ...needsScp,
    fn: () =>
      withScp(async ({ local, remote, scp }) => {
        const wanted = await describeTree(await makeOddTree(local));
        const there = await scp(flag, "-rp", "tree", "host:");
        assert.deepEqual([there.status, there.stderr], [0, ""]);
        assert.deepEqual(await describeTree(join(remote, "tree")), wanted);
        const back = await scp(flag, "-rp", "host:tree", "back");
        assert.deepEqual([back.status, back.stderr], [0, ""]);
        assert.deepEqual(await describeTree(join(local, "back")), wanted);
      }),
  });

  Deno.test({
    name: `scp keeps names that are not UTF-8 by ${protocol} (needs scp, python3)`,
    ignore: needsScp.ignore || !hasProgram("python3") || Deno.build.os !== "linux",
    fn: () =>
      withScp(async ({ local, remote, scp }) => {
        const python = (script: string) => runProgram("python3", ["-c", script], { cwd: local });
        const make = "import os; os.makedirs(b'tree/sub\\xe9'); open(b'tree/sub\\xe9/f\\xff\\xfe', 'w').write('hi')";
        assert.equal((await python(make)).status, 0);
        assert.deepEqual(await scp(flag, "-rp", "tree", "host:"), { status: 0, stdout: "", stderr: "" });
        assert.deepEqual(await scp(flag, "-rp", "host:tree", "back"), { status: 0, stdout: "", stderr: "" });
        for (const folder of [join(remote, "tree"), join(local, "back")]) {
          const { stdout } = await python(`import os; print(list(os.walk(${JSON.stringify(folder)}.encode()))[1][2])`);
          assert.equal(stdout, "[b'f\\xff\\xfe']\n");
        }
        const remove = `import shutil; [shutil.rmtree(d.encode()) for d in ${JSON.stringify([local, remote])}]`;
        assert.equal((await python(remove)).status, 0, "the runtime cannot remove such names itself");
      }),
  });

  Deno.test({
    name: `scp writes over a longer file and keeps its mode by ${protocol} (needs scp)`,
    ...needsScp,
    fn: () =>
      withScp(async ({ local, remote, scp }) => {
        await Deno.writeTextFile(join(local, "f"), "short", { mode: 0o755 });
        await Deno.writeTextFile(join(remote, "f"), "something longer", { mode: 0o600 });
        assert.equal((await scp(flag, "f", "host:f")).status, 0);
        assert.equal(await Deno.readTextFile(join(remote, "f")), "short");
        const { mode } = await Deno.stat(join(remote, "f"));
        assert.equal((mode ?? 0) & 0o777, 0o600);
      }),
  });
}

Deno.test({
  name: "scp -s copies a file whole both ways although some reads and writes take longer than others (needs scp)",
  ...needsScp,
  fn: () =>
    withScp(async ({ local, remote }) => {
      const home = join(local, "..");
      const launcher = await writeLauncher(home, "sftp_server.ts");
      const content = new Uint8Array(9_000_000).map((_, at) => at % 253);
      await Deno.writeFile(join(local, "f"), content);
      const scp = (...args: string[]) =>
        runProgram("scp", ["-s", "-D", launcher, ...args], { cwd: local, env: { SFTP_UNEVEN: "1" } });
      assert.deepEqual((await scp("f", `host:${remote}/f`)).status, 0);
      assert.deepEqual((await scp(`host:${remote}/f`, "back")).status, 0);
      const [there, back] = [await Deno.readFile(join(remote, "f")), await Deno.readFile(join(local, "back"))];
      // Compared as lengths and one boolean: the difference of nine million bytes is not worth printing.
      assert.deepEqual([there.length, back.length], [content.length, content.length]);
      assert.ok(content.every((byte, at) => byte === there[at] && byte === back[at]));
    }),
});

Deno.test({
  name: "scp -O expands patterns and the home folder on the far side (needs scp)",
  ...needsScp,
  fn: () =>
    withScp(async ({ local, remote, scp }) => {
      for (const name of ["a.txt", "b.txt", "c.md", "d e.txt"]) await Deno.writeTextFile(join(remote, name), name);
      assert.deepEqual(await scp("-O", "host:*.txt", "."), { status: 0, stdout: "", stderr: "" });
      assert.deepEqual([...Deno.readDirSync(local)].map(({ name }) => name).sort(), ["a.txt", "b.txt", "d e.txt"]);
      assert.equal((await scp("-O", "a.txt", "host:~/there")).status, 0);
      assert.equal(await Deno.readTextFile(join(remote, "..", "there")), "a.txt");
    }),
});

Deno.test({
  name: "scp -O is told why something failed, and exits 1 (needs scp)",
  ...needsScp,
  fn: () =>
    withScp(async ({ local, remote, scp }) => {
      await Deno.writeTextFile(join(local, "f"), "x");
      await Deno.mkdir(join(remote, "d"));
      const said = async (...args: string[]) => {
        const { status, stderr } = await scp("-O", ...args);
        return [status, stderr.trim()];
      };
      assert.deepEqual(await said("host:nope", "."), [1, `scp: ${remote}/nope: No such file`]);
      assert.deepEqual(await said("host:d", "."), [1, `scp: ${remote}/d: not a regular file`]);
      assert.deepEqual(await said("f", "host:nope/x"), [1, `scp: ${remote}/nope/x: No such file`]);
      assert.deepEqual(await said("f", "host:/dev/full"), [1, "scp: /dev/full: No space left on device"]);
    }),
});
