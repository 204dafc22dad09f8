import assert from "node:assert/strict";
import { createMemoryPair } from "../../../../src/stream/memory.ts";
import { MemoryFileSystem, type MemoryFileSystemOptions } from "../../../../src/ssh/sftp/memory_file_system.ts";
import { errnoStatus } from "../../../../src/ssh/sftp/status_error.ts";
import { parseScpCommand } from "../../../../src/ssh/scp/scp_command.ts";
import { serveScp } from "../../../../src/ssh/scp/server.ts";

/** Sends `input` all at once to the far side of `commandLine`; its answers as text, and its exit status. */
async function scp(
  fs: MemoryFileSystem,
  commandLine: string,
  input: string,
): Promise<{ output: string; status: number; stderr: string }> {
  const command = parseScpCommand(commandLine);
  assert.ok(command);
  const [near, far] = createMemoryPair();
  let stderr = "";
  const serving = serveScp(far, command, { fs, cwd: "/home", stderr: (text) => stderr += text });
  await near.write(new TextEncoder().encode(input));
  await near.closeWrite();
  const status = await serving;
  await far.closeWrite();
  let output = "";
  for (let chunk = await near.read(); chunk; chunk = await near.read()) output += new TextDecoder().decode(chunk);
  near[Symbol.dispose]();
  return { output, status, stderr };
}

function home(onOperation: MemoryFileSystemOptions["onOperation"] = () => {}): MemoryFileSystem {
  return new MemoryFileSystem({ home: "/home", now: () => 9, onOperation });
}

const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

Deno.test("serveScp takes a file with mode and times", async () => {
  const fs = home();
  const input = "T5 0 4 0\nC0640 5 name\nhello\0";
  assert.deepEqual(await scp(fs, "scp -p -t x", input), { output: "\0\0\0\0", status: 0, stderr: "" });
  assert.equal(text(fs.content("/home/x")), "hello");
  assert.deepEqual(fs.entry("/home/x"), {
    size: 5,
    mode: 0o100640,
    uid: 0,
    gid: 0,
    atime: 4,
    mtime: 5,
    linkCount: 1,
  });
});

Deno.test("serveScp writes a file in place: the rest of a longer one is cut, links are followed", async () => {
  const fs = home();
  fs.addFile("/home/real", "a longer text", { mode: 0o600 });
  await fs.symlink("real", "/home/link");
  assert.equal((await scp(fs, "scp -t link", "C0644 2 n\nhi\0")).status, 0);
  assert.equal(text(fs.content("/home/real")), "hi");
  assert.equal(fs.entry("/home/real")?.mode, 0o100600);
});

Deno.test("serveScp takes a tree", async () => {
  const fs = home();
  const input = "D0750 0 tree\nC0600 1 a\n1\0D0500 0 sub dir\nC0600 0 b\n\0E\nE\n";
  assert.deepEqual((await scp(fs, "scp -r -t .", input)).output, "\0".repeat(9));
  assert.deepEqual([...fs.list("/home")].map(({ path, stat }) => [path, stat.mode?.toString(8)]), [
    ["/home/tree", "40750"],
    ["/home/tree/a", "100600"],
    ["/home/tree/sub dir", "40500"],
    ["/home/tree/sub dir/b", "100600"],
  ]);
});

Deno.test("serveScp refuses names that lead out of the target (CVE-2018-20685, CVE-2019-6111)", async () => {
  for (const name of ["../x", "..", ".", "/x"]) {
    const fs = home();
    const result = await scp(fs, "scp -r -t /home", `D0777 0 ${name}\nE\n`);
    assert.deepEqual(result, { output: `\0\x01scp: error: unexpected filename: ${name}\n`, status: 1, stderr: "" });
    assert.deepEqual([...fs.list()].map(({ path }) => path), ["/home"]);
  }
});

Deno.test("serveScp refuses a folder without -r, and a file where -d wants a folder", async () => {
  const fs = home();
  fs.addFile("/home/f", "");
  const refused = await scp(fs, "scp -t .", "D0755 0 d\nE\n");
  assert.deepEqual(refused.output, "\0\x01scp: protocol error: received directory without -r\n");
  const noFolder = await scp(fs, "scp -d -t f", "C0644 0 x\n\0");
  assert.deepEqual([noFolder.output, noFolder.status], ["\x01scp: /home/f: Not a directory\n", 1]);
});

Deno.test("serveScp tells a failed write and goes on with the next file", async () => {
  const fs = home((operation, { path }) => {
    if (operation === "write" && path === "/home/a") throw errnoStatus("ENOSPC");
    if (operation === "open" && path === "/home/b") throw errnoStatus("EACCES");
  });
  const { output, status } = await scp(fs, "scp -t /home", "C0644 3 a\nabc\0C0644 3 b\nC0644 1 c\nx\0");
  assert.equal(
    output,
    "\0\0\x01scp: /home/a: No space left on device\n\x01scp: /home/b: Permission denied\n\0\0",
  );
  assert.equal(status, 1);
  assert.equal(text(fs.content("/home/c")), "x");
});

Deno.test("serveScp ends with 1 when the other side goes in the middle of a file", async () => {
  const fs = home();
  assert.equal((await scp(fs, "scp -t x", "C0644 10 x\nabc")).status, 1);
  assert.equal((await scp(fs, "scp -t x", "C0644 1")).status, 1);
  assert.equal((await scp(fs, "scp -t x", "")).status, 0);
});

Deno.test("serveScp sends files that a pattern names, with times, sorted", async () => {
  const fs = home();
  fs.addFile("/home/d/b.txt", "2", { mode: 0o600, mtime: 7 });
  fs.addFile("/home/d/a.txt", "1", { mode: 0o644, mtime: 6 });
  fs.addFile("/home/d/c.md", "3");
  const { output, status } = await scp(fs, "scp -p -f ~/d/*.txt", "\0".repeat(7));
  assert.equal(output, "T6 0 6 0\nC0644 1 a.txt\n1\0T7 0 7 0\nC0600 1 b.txt\n2\0");
  assert.equal(status, 0);
});

Deno.test("serveScp sends a tree, and says what is no file without -r", async () => {
  const fs = home();
  fs.addFile("/home/t/sub/f", "x");
  assert.deepEqual(
    (await scp(fs, "scp -r -f t", "\0".repeat(7))).output,
    "D0755 0 t\nD0755 0 sub\nC0644 1 f\nx\0E\nE\n",
  );
  const refused = await scp(fs, "scp -f t nope", "\0");
  assert.deepEqual(refused, {
    output: "\x01scp: /home/t: not a regular file\n\x01scp: /home/nope: No such file\n",
    status: 1,
    stderr: "",
  });
});

Deno.test("serveScp sends zeros for what cannot be read, and says so behind them", async () => {
  const fs = home((operation) => {
    if (operation === "read") throw errnoStatus("EIO");
  });
  fs.addFile("/home/f", "abc");
  const { output, status } = await scp(fs, "scp -f f", "\0\0\0");
  assert.equal(output, "C0644 3 f\n\0\0\0\x01scp: /home/f: Input/output error\n");
  assert.equal(status, 1);
});

Deno.test("serveScp counts a file that the other side does not want, and ends when it says so", async () => {
  const fs = home();
  fs.addFile("/home/a", "1");
  fs.addFile("/home/b", "2");
  const skipped = await scp(fs, "scp -f a b", "\0\x01no\n\0\0");
  assert.deepEqual(skipped, { output: "C0644 1 a\nC0644 1 b\n2\0", status: 1, stderr: "" });
  const ended = await scp(fs, "scp -f a b", "\0\x02stop\n");
  assert.deepEqual([ended.output.split("\n")[0], ended.status], ["C0644 1 a", 1]);
});

Deno.test("serveScp tells what it does on stderr with -v", async () => {
  const fs = home();
  assert.equal((await scp(fs, "scp -v -t x", "C0644 0 y\n\0")).stderr, "Sink: C0644 0 y\n");
});

Deno.test("serveScp refuses a sink with several targets", async () => {
  assert.deepEqual(await scp(home(), "scp -t a b", ""), {
    output: "\x01scp: ambiguous target\n",
    status: 1,
    stderr: "",
  });
});
