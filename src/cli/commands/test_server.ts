import { every } from "../../base/every.ts";
import { AppError } from "../../base/errors.ts";
import { iterateEvents } from "../../fleet/event_queue.ts";
import { answerControlLine, type ControlReply } from "../../testing/control.ts";
import type { TestEvent } from "../../testing/events.ts";
import { parseFault } from "../../testing/parse_fault.ts";
import { parseTestScript, type TestScript } from "../../testing/test_script.ts";
import { type TestServer, testServer } from "../../testing/test_server.ts";
import { type CommandContext, type CommandInput, defineCommand, type FlagSpecs } from "../command.ts";
import { readLines } from "../read_lines.ts";

/** Between two looks whether the parent is still there. */
const PARENT_LOOK_MS = 500;

/** The first line: all that a client needs. */
export interface TestServerReady {
  readonly event: "ready";
  readonly host: string;
  readonly port: number;
  readonly addr: string;
  readonly user: string;
  /** `type base64`. */
  readonly hostKey: string;
  readonly fingerprint: string;
  readonly knownHostsLine: string;
  /** The private key of a client that is let in; it goes with the server. */
  readonly clientKey: string;
  readonly clientPublicKey: string;
  readonly websocketUrl: string;
  /** With --tls: PEM of the authority to trust. */
  readonly tlsAuthority: string | null;
  readonly pid: number;
}

/** What `porthole test-server` tells on stdout: where it is, answers to requests, and with `--events` what happens. */
export type TestServerItem = TestServerReady | ControlReply | ({ readonly event: "happened" } & TestEvent);

const FLAGS = {
  user: { kind: "string", placeholder: "NAME", summary: "The login name that is let in; testuser" },
  "authorized-key": { kind: "list", placeholder: "FILE", summary: "A further public key that is let in" },
  hostname: { kind: "string", placeholder: "ADDRESS", default: "127.0.0.1", summary: "Where to listen" },
  port: { kind: "integer", default: 0, min: 0, max: 65_535, summary: "The port for SSH; 0 takes a free one" },
  file: { kind: "list", placeholder: "PATH=FILE", summary: "A file of the server, with the content of a local one" },
  exec: { kind: "list", placeholder: "COMMAND=STDOUT", summary: "Answer a command with a line, and status 0" },
  fault: { kind: "list", placeholder: "NAME[=VALUE]", summary: "Let something go wrong: slow-banner=3s, drop, ..." },
  script: { kind: "string", placeholder: "FILE", summary: "Files, handlers and faults as JSON" },
  strict: { kind: "boolean", summary: "Exit with status 1 when a client ran a command that nothing was said about" },
  tls: { kind: "boolean", summary: "Speak TLS on the WebSocket front" },
  events: { kind: "boolean", summary: "Tell everything that happens, one object a line" },
  "ends-with": {
    kind: "string",
    choices: ["stdin", "parent", "nothing"],
    summary: "What to end with besides SIGTERM; stdin if that is a pipe, and the parent process",
  },
} as const satisfies FlagSpecs;

/** `porthole test-server`: an SSH server for tests in any language. */
export const testServerCommand = defineCommand<typeof FLAGS, TestServerItem>({
  name: "test-server",
  summary: "Run an SSH server for tests, with commands, files and faults as told",
  flags: FLAGS,
  examples: [
    "porthole test-server --json",
    "porthole test-server --json --exec 'uptime=up 3 days' --file /etc/motd=motd.txt",
    "porthole test-server --json --fault slow-banner=3s --fault drop=times:2",
  ],
  run: serve,
  format: formatItem,
});

async function* serve(
  { flags }: CommandInput<typeof FLAGS>,
  context: CommandContext,
): AsyncGenerator<TestServerItem, number> {
  // Before anything is told: whoever reads the first line may be gone right after.
  const parent = Deno.ppid;
  const script = flags.script === undefined ? undefined : await readScript(flags.script);
  await using server = await makeServer(flags, script, context.env.PORTHOLE_TEST_PASSWORD);
  await server.start();
  const clientKey = await server.testKey();
  yield {
    event: "ready",
    host: server.host,
    port: server.port,
    addr: server.addr,
    user: server.user,
    hostKey: server.hostKey,
    fingerprint: server.fingerprint,
    knownHostsLine: server.knownHostsLine,
    clientKey: clientKey.path,
    clientPublicKey: clientKey.publicKey,
    websocketUrl: server.websocketUrl,
    tlsAuthority: server.tlsAuthority ?? null,
    pid: Deno.pid,
  };
  yield* iterateEvents<TestServerItem>(async ({ push }, signal) => {
    using _events = flags.events ? server.onEvent((event) => void push({ event: "happened", ...event })) : undefined;
    await untilTheEnd(flags["ends-with"] ?? (stdinIsPipe(context) ? "stdin" : "parent"), {
      onLine: async (line) => void push(await answerControlLine(server, line)),
      signal: AbortSignal.any([signal, context.signal]),
      parent,
    });
  });
  // Here and not when it is disposed, so that a strict server's complaint is the command's.
  await server.shutdown();
  return 0;
}

async function makeServer(
  flags: CommandInput<typeof FLAGS>["flags"],
  script: TestScript | undefined,
  password: string | undefined,
): Promise<TestServer> {
  const keys = await Promise.all(flags["authorized-key"].map((path) => readLocal(path)));
  const user = flags.user ?? script?.user;
  const secret = password ?? script?.password;
  const server = testServer({
    hostname: flags.hostname,
    port: flags.port,
    strict: flags.strict ?? script?.strict ?? false,
    tls: flags.tls ?? false,
    authorizedKeys: [...script?.authorizedKeys ?? [], ...keys.map((bytes) => new TextDecoder().decode(bytes))],
    faults: [...script?.faults ?? [], ...flags.fault.map(parseFault)],
    ...(user === undefined ? {} : { user }),
    ...(secret === undefined ? {} : { password: secret }),
    ...(script?.banner === undefined ? {} : { banner: script.banner }),
  });
  for (const { path, content, options } of script?.files ?? []) server.addFile(path, content, options);
  for (const { matcher, reply } of script?.exec ?? []) server.onExec(matcher, reply);
  for (const text of flags.exec) {
    const [command, stdout] = split(text, "--exec");
    server.onExec(command, { stdout: `${stdout}\n` });
  }
  for (const text of flags.file) {
    const [path, local] = split(text, "--file");
    server.addFile(path, await readLocal(local));
  }
  return server;
}

/** What stands before and behind the first `=`. @throws AppError `usage` */
function split(text: string, flag: string): [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new AppError("usage", `Cannot parse ${flag} ${JSON.stringify(text)}: there is no "="`);
}

async function readScript(path: string): Promise<TestScript> {
  return parseTestScript(new TextDecoder().decode(await readLocal(path)), path);
}

async function readLocal(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new AppError("not_found", `Cannot read ${JSON.stringify(path)}: it does not exist`, { cause: error });
  }
}

/** True where somebody holds the other end of stdin, whose going can be noticed; not for /dev/null or a file. */
function stdinIsPipe({ stdinIsTerminal }: CommandContext): boolean {
  if (stdinIsTerminal) return false;
  if (Deno.build.os === "windows") return true;
  try {
    const { isFifo, isSocket } = Deno.statSync("/dev/stdin");
    return isFifo === true || isSocket === true;
  } catch {
    // Closed, or no such place to look: the parent is what is left.
    return false;
  }
}

interface EndOptions {
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
  /** The process that started this one. */
  readonly parent: number;
}

/** Resolves at the end of stdin, when the parent has gone, or by the signal. */
async function untilTheEnd(
  endsWith: "stdin" | "parent" | "nothing" | string,
  { onLine, signal, parent }: EndOptions,
): Promise<void> {
  const end = Promise.withResolvers<void>();
  if (signal.aborted) end.resolve();
  signal.addEventListener("abort", () => end.resolve(), { once: true });
  using _watch = endsWith === "nothing" ? undefined : every(PARENT_LOOK_MS, () => {
    if (Deno.ppid !== parent) end.resolve();
  });
  if (endsWith === "stdin") readLines(Deno.stdin, onLine).then(() => end.resolve(), end.reject);
  // Alone, nothing of the above would keep the process there.
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    await end.promise;
  } finally {
    clearInterval(alive);
  }
}

function formatItem(item: TestServerItem): string {
  if (item.event === "ready") {
    return [
      `Listening on ${item.addr} for ${item.user}`,
      `Host key ${item.fingerprint}`,
      `ssh -p ${item.port} -i ${item.clientKey} ${item.user}@${item.host}`,
      `${item.websocketUrl}`,
      "",
    ].join("\n");
  }
  return `${JSON.stringify(item)}\n`;
}
