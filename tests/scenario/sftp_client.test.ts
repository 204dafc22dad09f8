import assert from "node:assert/strict";
import { join } from "node:path";
import { openSftpClient, type SftpClient } from "../../src/ssh/sftp/client.ts";
import { writeLauncher } from "../support/openssh_copy.ts";
import { childStream } from "../support/stdio_stream.ts";
import { makeTempHome } from "../support/temp_home.ts";

/** Where Linux distributions and macOS keep OpenSSH's server. */
const OPENSSH_SERVER = [
  "/usr/lib/openssh/sftp-server",
  "/usr/libexec/openssh/sftp-server",
  "/usr/libexec/sftp-server",
  "/usr/lib/ssh/sftp-server",
].find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // Another system's place.
  }
});

/** Talks to a server that runs as a child in a folder of its own. */
async function withServer(
  server: "openssh" | "ours",
  talk: (client: SftpClient, folder: string) => Promise<void>,
): Promise<void> {
  await using home = await makeTempHome();
  const program = server === "openssh" ? OPENSSH_SERVER ?? "" : await writeLauncher(home.path, "sftp_server.ts");
  const folder = join(home.path, "remote");
  await Deno.mkdir(folder);
  const child = new Deno.Command(program, {
    cwd: folder,
    env: home.environment(),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const client = await openSftpClient(childStream(child));
  await talk(client, folder);
  await client.close();
  assert.equal((await child.status).code, 0);
}

async function makeFile(path: string, mebibytes: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const block = crypto.getRandomValues(new Uint8Array(65_536));
  for (let count = 0; count < mebibytes * 16; count++) {
    block[count % block.length] = count & 255;
    file.writeSync(block);
  }
}

async function hash(path: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}

for (const server of ["openssh", "ours"] as const) {
  const ignore = server === "openssh" && OPENSSH_SERVER === undefined;
  const needs = server === "openssh" ? " (needs OpenSSH's sftp-server)" : "";

  Deno.test({
    name: `SftpClient moves 48 MiB each way unchanged, with ${server} as the server${needs}`,
    ignore,
    fn: () =>
      withServer(server, async (client, folder) => {
        await makeFile(join(folder, "big"), 48);
        {
          using target = await Deno.open(join(folder, "down"), { write: true, createNew: true });
          assert.equal(await client.downloadTo("big", target), 48 * 2 ** 20);
        }
        {
          using source = await Deno.open(join(folder, "down"));
          assert.equal(await client.uploadFrom(source, "up", { mode: 0o640 }), 48 * 2 ** 20);
        }
        const wanted = await hash(join(folder, "big"));
        assert.equal(await hash(join(folder, "down")), wanted);
        assert.equal(await hash(join(folder, "up")), wanted);
        assert.equal(((await client.stat("up")).mode ?? 0) & 0o777, 0o640);
      }),
  });

  Deno.test({
    name: `SftpClient does every operation with ${server} as the server${needs}`,
    ignore,
    fn: () =>
      withServer(server, async (client, folder) => {
        const realFolder = await Deno.realPath(folder);
        assert.equal(await client.realPath("."), realFolder);
        await Deno.writeTextFile(join(folder, "f"), "hello");
        await client.makeFolder("d", { mode: 0o700 });
        await client.rename("f", "d/g");
        await client.symlink("d/g", "link");
        assert.equal(await Deno.readLink(join(folder, "link")), "d/g");
        assert.equal(await client.readLink("link"), "d/g");
        await client.setAttributes("d/g", { mode: 0o604, atime: 5, mtime: 6 });
        const { mode, mtime } = await client.stat("link");
        assert.deepEqual([mode, mtime], [0o100604, 6]);
        await Deno.writeTextFile(join(folder, "new"), "newer");
        await client.replace("new", "d/g");
        assert.equal(await Deno.readTextFile(join(folder, "d", "g")), "newer");
        await Deno.writeTextFile(join(folder, "taken"), "");
        await assert.rejects(() => client.rename("taken", "d/g"), { code: "remote_failed" });
        assert.deepEqual(
          (await Array.fromAsync(client.readFolder("."))).map(({ name }) => name).sort(),
          ["d", "link", "taken"],
        );
        assert.ok(((await client.statVfs("."))?.blocks ?? 0) > 0);
        await client.removeFile("d/g");
        await client.removeFolder("d");
        await assert.rejects(() => client.stat("d"), { code: "not_found" });
        await assert.rejects(() => client.open("nope/x", READ), {
          code: "not_found",
          message: /^Cannot open "nope\/x" on the far side: No such file/,
        });
      }),
  });

  Deno.test({
    name: `SftpClient reads a file that has no size, with ${server} as the server${needs}`,
    ignore: ignore || Deno.build.os !== "linux",
    fn: () =>
      withServer(server, async (client) => {
        let text = "";
        for await (const block of client.readFile("/proc/self/status")) text += new TextDecoder().decode(block);
        assert.match(text, /^Name:/);
      }),
  });
}

const READ = { read: true, write: false, append: false, create: false, truncate: false, exclusive: false };
