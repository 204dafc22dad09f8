import assert from "node:assert/strict";
import { join } from "node:path";
import { type Fault, testKey, type TestServer, testServer } from "../../src/testing/mod.ts";
import { runToEnd } from "../support/agent_stage.ts";
import { programPath, pythonWith } from "../support/programs.ts";
import { makeTempHome, type TempHome } from "../support/temp_home.ts";

/** What each client says of a fault: a part of ssh's (or scp's) stderr, of an exception's text or of a status. */
interface Expectation {
  readonly fault: Fault;
  /** `cat` with 5000 bytes on stdin unless told otherwise. */
  readonly does?: "get" | "put";
  readonly ssh: RegExp;
  readonly paramiko: RegExp;
  readonly asyncssh: RegExp;
}

/** No client ends it by itself, so each is given a short time. */
const LATE = /TIMEOUT|timeout/;
const EXPECTATIONS: readonly Expectation[] = [
  { fault: { name: "refuse" }, ssh: /refused/, paramiko: /Unable to connect/, asyncssh: /ConnectionRefused/ },
  { fault: { name: "drop" }, ssh: /closed|reset/, paramiko: /protocol banner/, asyncssh: /lost|reset/ },
  { fault: { name: "no-banner" }, ssh: LATE, paramiko: LATE, asyncssh: LATE },
  {
    fault: { name: "garbage-before-banner" },
    ssh: /invalid characters/,
    paramiko: /protocol banner/,
    asyncssh: LATE,
  },
  {
    fault: { name: "kex-mismatch" },
    ssh: /no matching key exchange method/,
    paramiko: /kex algorithm|session|Incompatible/,
    asyncssh: /No matching key exchange/,
  },
  { fault: { name: "host-key-changed" }, ssh: /HAS CHANGED/, paramiko: /BadHostKey/, asyncssh: /not trusted/ },
  {
    fault: { name: "auth-failures", count: 1 },
    ssh: /Permission denied/,
    paramiko: /Authentication failed/,
    asyncssh: /Permission denied/,
  },
  {
    fault: { name: "channel-refused" },
    ssh: /open failed: administratively prohibited: no session/,
    paramiko: /Administratively prohibited/,
    asyncssh: /no session is allowed/,
  },
  { fault: { name: "window-starvation", bytes: 1000 }, ssh: LATE, paramiko: LATE, asyncssh: LATE },
  {
    fault: { name: "disconnect", phase: "session", bytes: 60 },
    ssh: /closed|Broken pipe|reset/,
    // What it had understood of its log-in, it forgets when the connection ends right behind it.
    paramiko: /EOF|closed|session|reset|status -1|Authentication failed/,
    asyncssh: /lost|closed|reset|status None/,
  },
  { fault: { name: "stall", phase: "auth" }, ssh: LATE, paramiko: LATE, asyncssh: LATE },
  { fault: { name: "no-exit-status" }, ssh: /status 255/, paramiko: /status -1/, asyncssh: /status None/ },
  {
    fault: { name: "truncated-sftp", bytes: 50_000 },
    does: "get",
    ssh: /closed/,
    paramiko: /dropped|closed|EOF/,
    asyncssh: /closed|lost/,
  },
  {
    fault: { name: "file-error", errno: "ENOSPC" },
    does: "put",
    ssh: /write remote/,
    paramiko: /size mismatch|Failure|No space/,
    asyncssh: /No space left on device/,
  },
  {
    fault: { name: "file-error", errno: "EACCES", path: "/big" },
    does: "get",
    ssh: /Permission denied/,
    paramiko: /Permission denied/,
    asyncssh: /Permission denied/,
  },
];

const CLIENTS = ["ssh", "paramiko", "asyncssh"] as const;

const PYTHON: Readonly<Record<"paramiko" | "asyncssh", string>> = {
  paramiko: `
import json, socket, sys, threading, paramiko
threading.excepthook = lambda args: None
key, local, jobs = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
def run(job):
    client = paramiko.SSHClient()
    client.load_host_keys(job["knownHosts"])
    wait = job["patienceS"]
    try:
        client.connect("127.0.0.1", job["port"], "testuser", key_filename=key, look_for_keys=False, allow_agent=False,
                       timeout=wait, banner_timeout=wait, auth_timeout=wait)
        if job["does"] in ("get", "put"):
            sftp = client.open_sftp()
            sftp.get("/big", local + ".got") if job["does"] == "get" else sftp.put(local, "/put")
            return "fine"
        stdin, stdout, _ = client.exec_command("cat", timeout=wait)
        stdin.write("x" * 5000)
        stdin.channel.shutdown_write()
        stdout.read()
        return "status %s" % stdout.channel.recv_exit_status()
    except (socket.timeout, TimeoutError):
        return "TIMEOUT"
    except Exception as error:
        late = isinstance(error, paramiko.SSHException) and "No existing session" in str(error)
        return "TIMEOUT" if late else repr(error)
    finally:
        client.close()
print(json.dumps([run(job) for job in jobs]))
`,
  asyncssh: `
import asyncio, json, os, sys, asyncssh
key, local, jobs = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
async def run(job):
    conn = await asyncssh.connect("127.0.0.1", job["port"], username="testuser", client_keys=[key], agent_path=None,
                                  known_hosts=job["knownHosts"], config=None)
    if job["does"] in ("get", "put"):
        sftp = await conn.start_sftp_client()
        await (sftp.get("/big", local + ".got") if job["does"] == "get" else sftp.put(local, "/put"))
        return "fine"
    return "status %s" % (await conn.run("cat", input="x" * 5000)).exit_status
async def told(job):
    try:
        return await asyncio.wait_for(run(job), job["patienceS"])
    except asyncio.TimeoutError:
        return "TIMEOUT"
    except (Exception, asyncssh.Error) as error:
        return repr(error)
async def main():
    print(json.dumps([await told(job) for job in jobs]), flush=True)
    os._exit(0)
asyncio.run(main())
`,
};

interface Job {
  readonly port: number;
  readonly knownHosts: string;
  readonly does: string;
  readonly patienceS: number;
}

interface ClientFiles {
  readonly home: TempHome;
  readonly key: string;
  readonly local: string;
}

function ask(client: (typeof CLIENTS)[number], jobs: readonly Job[], files: ClientFiles): Promise<readonly string[]> {
  return client === "ssh" ? Promise.all(jobs.map((job) => askSsh(job, files))) : askPython(client, jobs, files);
}

async function askSsh(job: Job, { home, key, local }: ClientFiles): Promise<string> {
  const options = ["-F", "none", "-i", key, "-o", `UserKnownHostsFile=${job.knownHosts}`, "-o", "BatchMode=yes"];
  const place = "testuser@127.0.0.1";
  const words = job.does === "get" ? [`${place}:/big`, `${local}.got`] : [local, `${place}:/put`];
  const [program, args] = job.does === "exec"
    ? ["ssh", [...options, "-p", String(job.port), place, "cat"]]
    : ["scp", [...options, "-P", String(job.port), ...words]];
  const timeout = ["-k", "1", String(job.patienceS)];
  const { code, stderr } = await runToEnd("timeout", [...timeout, program, ...args], {
    env: home.environment(),
    stdin: "x".repeat(5000),
  });
  return code === 124 || code === 137 ? "TIMEOUT" : `status ${code} ${stderr}`;
}

async function askPython(
  library: "paramiko" | "asyncssh",
  jobs: readonly Job[],
  { home, key, local }: ClientFiles,
): Promise<readonly string[]> {
  const args = ["-W", "ignore", "-c", PYTHON[library], key, local, JSON.stringify(jobs)];
  const { stdout, stderr } = await runToEnd(pythonWith(library) ?? "", args, { env: home.environment() });
  return JSON.parse(stdout || JSON.stringify([stderr]));
}

/** A server with one fault. */
async function startServer(fault: Fault, key: string): Promise<TestServer> {
  const server = await testServer({ key }).start();
  server.addFile("/big", new Uint8Array(500_000));
  server.onExec("cat", { readsStdin: true });
  server.addFault(fault);
  if (fault.name === "refuse") await server.waitFor("fault");
  return server;
}

for (const client of CLIENTS) {
  Deno.test({
    name: `${client} meets each fault as what it is (needs ${client === "ssh" ? "ssh, scp, timeout" : client})`,
    ignore: client === "ssh"
      ? ["ssh", "scp", "timeout"].some((name) => programPath(name) === null)
      : pythonWith(client) === null,
    async fn() {
      await using home = await makeTempHome();
      await using key = await testKey();
      await using stack = new AsyncDisposableStack();
      const local = join(home.path, "local");
      await Deno.writeFile(local, new Uint8Array(500_000));
      const jobs = await Promise.all(EXPECTATIONS.map(async ({ fault, does = "exec", ...expected }, at) => {
        const { port, knownHostsLine } = stack.use(await startServer(fault, key.publicKey));
        const knownHosts = join(home.path, `known_hosts${at}`);
        await Deno.writeTextFile(knownHosts, `${knownHostsLine}\n`);
        return { port, knownHosts, does, patienceS: expected[client] === LATE ? 2 : 30 };
      }));
      const said = await ask(client, jobs, { home, key: key.path, local });
      for (const [at, { fault, [client]: expected }] of EXPECTATIONS.entries()) {
        assert.match(said[at] ?? "nothing", expected, `${fault.name}: ${said.join("\n")}`);
      }
    },
  });
}
