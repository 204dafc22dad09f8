import assert from "node:assert/strict";
import { join } from "node:path";
import { describeTree, makeOddTree, runProgram, type RunResult, writeLauncher } from "../support/openssh_copy.ts";
import { hasProgram } from "../support/programs.ts";
import { makeTempHome } from "../support/temp_home.ts";

/** Runs a batch of sftp commands in `local` against our server, which starts in `remote`. */
async function withSftp(
  talk: (folders: { local: string; remote: string; sftp(batch: string): Promise<RunResult> }) => Promise<void>,
): Promise<void> {
  await using home = await makeTempHome();
  const launcher = await writeLauncher(home.path, "sftp_server.ts");
  const local = join(home.path, "local");
  const remote = join(home.path, "remote");
  await Deno.mkdir(local);
  await Deno.mkdir(remote);
  // sftp -D splits its command at spaces and starts it where sftp itself was started.
  const sftp = (batch: string) =>
    runProgram("sftp", ["-b", "-", "-D", launcher], {
      cwd: local,
      input: `cd ${remote}\n${batch}`,
      env: home.environment(),
    });
  await talk({ local, remote, sftp });
}

const needsSftp = { ignore: !hasProgram("sftp") };

Deno.test({
  name: "sftp puts a tree of odd names and gets it back with modes and times (needs sftp)",
  ...needsSftp,
  fn: () =>
    withSftp(async ({ local, remote, sftp }) => {
      const tree = await makeOddTree(local);
      const wanted = await describeTree(tree);
      const put = await sftp("put -pR tree\n");
      assert.deepEqual([put.status, put.stderr], [0, ""]);
      assert.deepEqual(await describeTree(join(remote, "tree")), wanted);
      const get = await sftp("get -pR tree back\n");
      assert.deepEqual([get.status, get.stderr], [0, ""]);
      assert.deepEqual(await describeTree(join(local, "back")), wanted);
    }),
});

Deno.test({
  name: "sftp renames, links, changes modes, lists and removes (needs sftp)",
  ...needsSftp,
  fn: () =>
    withSftp(async ({ remote, sftp }) => {
      await Deno.writeTextFile(join(remote, "a"), "1234");
      await Deno.writeTextFile(join(remote, "taken"), "");
      const { status, stdout, stderr } = await sftp(
        'mkdir "new dir"\nrename a taken\nln -s taken sym\nln taken hard\nchmod 600 taken\ncp taken copy\n' +
          'rename hard "new dir/h"\nls -la\nls -l "new dir"\ndf -h\nrm copy\n',
      );
      assert.deepEqual([status, stderr], [0, ""]);
      assert.match(stdout, /^drwx\S+ +\d+ +\S+ +\S+ +\d+ \w{3} +\d+ \d\d:\d\d \.$/m);
      assert.match(stdout, /^-rw------- +2 .* 4 .* taken$/m);
      assert.match(stdout, /^lrwxrwxrwx .* sym$/m);
      assert.match(stdout, /^-rw------- +2 .* (?:new dir\/)?h$/m);
      assert.match(stdout, /%Capacity/);
      assert.equal(await Deno.readLink(join(remote, "sym")), "taken");
      assert.deepEqual([...Deno.readDirSync(remote)].map(({ name }) => name).sort(), ["new dir", "sym", "taken"]);
    }),
});

Deno.test({
  name: "sftp is told why something failed (needs sftp)",
  ...needsSftp,
  fn: () =>
    withSftp(async ({ local, remote, sftp }) => {
      await Deno.mkdir(join(remote, "full", "x"), { recursive: true });
      await Deno.writeTextFile(join(local, "f"), "x");
      const { stderr } = await sftp("-get nope\n-rmdir full\n-put f nope/f\n-mkdir full\n-put f /dev/full\n");
      const lines = stderr.trim().split(/\r?\n/);
      assert.deepEqual(lines.slice(0, 4), [
        `File "${remote}/nope" not found.`,
        `remote rmdir "${remote}/full": Failure`,
        `dest open "${remote}/nope/f": No such file or directory`,
        `remote mkdir "${remote}/full": Failure`,
      ]);
      assert.match(lines.slice(4).join(), /write remote "\/dev\/full": Failure/);
    }),
});

Deno.test({
  name: "sftp resumes a download and an upload (needs sftp)",
  ...needsSftp,
  fn: () =>
    withSftp(async ({ local, remote, sftp }) => {
      const content = crypto.getRandomValues(new Uint8Array(60_000));
      await Deno.writeFile(join(remote, "f"), content);
      await Deno.writeFile(join(local, "f"), content.slice(0, 25_000));
      await Deno.writeFile(join(local, "g"), content);
      await Deno.writeFile(join(remote, "g"), content.slice(0, 25_000));
      const { status, stderr } = await sftp("reget f\nreput g\n");
      assert.deepEqual([status, stderr], [0, ""]);
      assert.deepEqual(await Deno.readFile(join(local, "f")), content);
      assert.deepEqual(await Deno.readFile(join(remote, "g")), content);
    }),
});

Deno.test({
  name: "sftp moves 64 MiB each way unchanged (needs sftp)",
  ...needsSftp,
  fn: () =>
    withSftp(async ({ local, remote, sftp }) => {
      const block = crypto.getRandomValues(new Uint8Array(65_536));
      {
        using file = await Deno.open(join(local, "big"), { write: true, create: true });
        for (let count = 0; count < 1024; count++) {
          block[0] = count & 255;
          file.writeSync(block);
        }
      }
      const { status, stderr } = await sftp("put big\nget big back\n");
      assert.deepEqual([status, stderr], [0, ""]);
      const [first, , third] = await Promise.all([
        describeTree(local).then((lines) => lines.map((line) => line.split(" ").at(-1))),
        Deno.stat(join(remote, "big")),
        Deno.stat(join(local, "back")),
      ]);
      assert.equal(third.size, 64 * 2 ** 20);
      assert.equal(first[0], first[1]);
    }),
});
