import { join } from "node:path";

/** A real sshd on a loopback port of its own, for one test. */
export interface TestSshd extends AsyncDisposable {
  readonly port: number;
  /** The account that runs the tests: the only one that an unprivileged sshd can log in. */
  readonly user: string;
  /** A private key that it takes. */
  readonly keyPath: string;
  /** `type base64`. */
  readonly hostKey: string;
  /** Where its keys and files live. */
  readonly folder: string;
}

/** Options of {@link startSshd}. */
export interface StartSshdOptions {
  /** Lines for sshd_config. */
  readonly config?: readonly string[];
  readonly sshd?: string;
  /** False for a server without the subsystem. */
  readonly hasSftp?: boolean;
}

/** Starts sshd in `folder` and waits until it listens. Stopped by disposing it. */
export async function startSshd(
  folder: string,
  { config = [], sshd = "/usr/sbin/sshd", hasSftp = true }: StartSshdOptions = {},
): Promise<TestSshd> {
  const home = await Deno.makeTempDir({ dir: folder, prefix: "sshd-" });
  const hostKeyPath = join(home, "host_key");
  const keyPath = join(home, "user_key");
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", hostKeyPath]);
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", keyPath]);
  await Deno.copyFile(`${keyPath}.pub`, join(home, "authorized_keys"));
  const port = freePort();
  const configPath = join(home, "sshd_config");
  const subsystem = hasSftp ? ["Subsystem sftp internal-sftp"] : [];
  await Deno.writeTextFile(configPath, sshdConfig({ home, hostKeyPath, port, config: [...config, ...subsystem] }));
  await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 }).catch(() => {/* only root needs it */});
  const child = new Deno.Command(sshd, {
    args: ["-D", "-e", "-f", configPath],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const log = await waitForLine(child.stderr, /Server listening/);
  const [type, base64] = (await Deno.readTextFile(`${hostKeyPath}.pub`)).split(" ");
  return {
    port,
    keyPath,
    folder: home,
    hostKey: `${type} ${base64}`,
    user: (await run("id", ["-un"])).trim(),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await log.drained;
    },
  };
}

function sshdConfig(
  { home, hostKeyPath, port, config }: { home: string; hostKeyPath: string; port: number; config: readonly string[] },
): string {
  return [
    ...config,
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${hostKeyPath}`,
    `AuthorizedKeysFile ${join(home, "authorized_keys")}`,
    `PidFile ${join(home, "pid")}`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "MaxStartups 200",
    "",
  ].join("\n");
}

/** Below what the system gives to whoever asks for any port (32768 up on Linux, 49152 up elsewhere). */
const PORTS = { from: 10_000, count: 22_000 };

/** A port of the loopback address that was free a moment ago, and that nobody else gets by asking for any. */
export function freePort(): number {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** What a program printed. Throws with its stderr when it failed. */
export async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null" }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** Resolves at a line that matches; what follows is read and dropped until the end, `drained`. */
async function waitForLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  pattern: RegExp,
): Promise<{ drained: Promise<void> }> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!pattern.test(text)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`The program ended before it said ${pattern}: ${text}`);
    text += value;
  }
  const drain = async () => {
    while (!(await reader.read()).done);
  };
  return { drained: drain() };
}
