import assert from "node:assert/strict";
import { join } from "node:path";
import { runProgram, writeLauncher } from "../support/openssh_copy.ts";
import { pythonWith } from "../support/programs.ts";
import { makeTempHome } from "../support/temp_home.ts";

/** Talks to the server in argv[1] over a socket pair, as paramiko does over a channel. */
const SCRIPT = `
import paramiko, select, socket, subprocess, sys

class Channel:
    def __init__(self, sock): self.sock = sock
    def send(self, data): return self.sock.send(data)
    def recv(self, size): return self.sock.recv(size)
    def recv_ready(self): return bool(select.select([self.sock], [], [], 0)[0])
    def close(self): self.sock.close()
    def get_name(self): return "test"
    def get_transport(self): return self
    def get_log_channel(self): return "test"
    def get_hexdump(self): return False

def fails(work):
    try: work()
    except IOError as error: return str(error)

near, far = socket.socketpair()
server = subprocess.Popen([sys.argv[1]], stdin=far, stdout=far)
far.close()
client = paramiko.SFTPClient(Channel(near))
content = bytes(at % 251 for at in range(3000000))
with client.open("big", "wb") as file:
    file.set_pipelined(True)
    file.write(content)
with client.open("big", "rb") as file:
    file.prefetch(len(content))
    assert file.read() == content
with client.open("big", "rb") as file:
    assert [len(part) for part in file.readv([(0, 10), (2, 40000), (100, 5)])] == [10, 40000, 5]
with client.open("f", "w+") as file:
    file.write("hello")
    file.seek(0)
    assert file.read() == b"hello"
    file.chmod(0o600)
    file.truncate(4)
    file.utime((1, 2))
    stat = file.stat()
    assert (stat.st_size, stat.st_mode, stat.st_mtime) == (4, 0o100600, 2), stat
with client.open("f", "a") as file: file.write("++")
with client.open("f") as file: assert file.read() == b"hell++"
assert fails(lambda: client.open("f", "x")) == "File exists"
client.open("exclusive", "x").close()
client.symlink("f", "link")
assert client.readlink("link") == "f"
assert client.normalize("link").endswith("/f")
client.posix_rename("f", "exclusive")
assert fails(lambda: client.rename("exclusive", "big")) == "File exists"
client.mkdir("d", 0o700)
assert client.stat("d").st_mode == 0o040700
client.rmdir("d")
assert fails(lambda: client.stat(b"\\xff\\xfe")) == "[Errno 2] No such file"
assert sorted(client.listdir(".")) == ["big", "exclusive", "link"], client.listdir(".")
client.close()
near.close()
assert server.wait() == 0
print("all well")
`;

const python = pythonWith("paramiko");

Deno.test({
  name: "paramiko's SFTPClient does all it can do with our server (needs python3 with paramiko)",
  ignore: python === null,
  fn: async () => {
    await using home = await makeTempHome();
    const launcher = await writeLauncher(home.path, "sftp_server.ts");
    const cwd = join(home.path, "remote");
    await Deno.mkdir(cwd);
    const result = await runProgram(python ?? "", ["-c", SCRIPT, launcher], { cwd, env: home.environment() });
    assert.deepEqual(result, { status: 0, stdout: "all well\n", stderr: "" });
  },
});
