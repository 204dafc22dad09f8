import { DEFAULT_LIMITS } from "../../../src/ssh/server/server.ts";
import { createSshServer } from "../../../src/ssh/server/server.ts";
import { serveFront } from "../../../src/agent/front.ts";
import { WaitingClients } from "../../../src/agent/waiting_clients.ts";
import { parseControlRecord } from "../../../src/ssh/scp/control_record.ts";
import { matchesPattern, parsePattern } from "../../../src/ssh/scp/pattern.ts";
import { parseScpCommand } from "../../../src/ssh/scp/scp_command.ts";
import { serveScp } from "../../../src/ssh/scp/server.ts";
import { splitShellWords } from "../../../src/ssh/scp/shell_words.ts";
import { MemoryFileSystem } from "../../../src/ssh/sftp/memory_file_system.ts";
import { encodePacket } from "../../../src/ssh/sftp/packets.ts";
import { PacketType } from "../../../src/ssh/sftp/protocol.ts";
import { serveSftp } from "../../../src/ssh/sftp/server.ts";
import type { ByteStream } from "../../../src/stream/byte_stream.ts";
import { createMemoryPair } from "../../../src/stream/memory.ts";
import { ResumeSessions } from "../../../src/stream/resume/server.ts";
import type { Random } from "../random.ts";
import { asText, type FuzzTarget, mustHold, texts } from "../target.ts";
import { RESUME_SEEDS } from "./frames.ts";

/** A server that has heard all there is must be done in this time. */
const END_MS = 2000;
const FILE_BYTES = 4 * 1024 * 1024;

function memoryFiles(): MemoryFileSystem {
  const fs = new MemoryFileSystem({ home: "/home", maxFileBytes: FILE_BYTES });
  fs.addFile("/home/a", "content of a");
  fs.addFile("/home/folder/b", new Uint8Array(5000));
  return fs;
}

type SftpField = string | Uint8Array | { u32: number } | { u64: number };

function sftp(type: number, ...fields: readonly SftpField[]): Uint8Array {
  const written = fields.map((field) =>
    typeof field === "string" || field instanceof Uint8Array ? { string: field } : field
  );
  return encodePacket(type, [{ u32: 7 }, ...written]);
}

/** Servers on a stream inside the process. Each is given the input in pieces, then the end. */
export function serverTargets({ hostKey }: { readonly hostKey: string }): readonly FuzzTarget[] {
  return [
    {
      name: "sftp-server",
      seeds: sftpSeeds(),
      tokens: [
        ...texts("/home/a", "/home/folder", "..", "/", "\0"),
        new Uint8Array([0, 0, 0, 5]),
        new Uint8Array(4).fill(255),
      ],
      run: (input, random) =>
        exchange(input, random, (stream) => serveSftp(stream, memoryFiles(), { startFolder: "/home", maxHandles: 8 })),
    },
    {
      name: "scp-server",
      seeds: texts(
        "C0644 5 name\nhello\0",
        "D0755 0 dir\nC0600 1 x\na\0E\n",
        "T1 0 1 0\nC0644 0 y\n\0",
        "\0\0\0\0",
        "\u0001no\n",
      ),
      tokens: texts("C0644 ", "D0755 0 ", "E\n", "T", "..", "/", "99999999999", "\n", "\0", "*", "~"),
      run(input, random) {
        const words = random.pick(["-t .", "-r -t folder", "-f a", "-r -p -f folder", "-d -t /home", "-f *"]) ?? "";
        const command = parseScpCommand(`scp ${words}`);
        mustHold(command !== null, "no scp command");
        if (!command) return;
        const stderr = () => {};
        return exchange(
          input,
          random,
          (stream) => serveScp(stream, command, { fs: memoryFiles(), cwd: "/home", stderr }),
        );
      },
    },
    {
      name: "scp-words",
      seeds: texts("scp -r -t 'a b' \"c\"", "scp -f ~/x*[!a-z]?", "C0644 12 name", "T1 2 3 4", "a\\ b*c*d*e"),
      tokens: texts("*", "?", "[", "]", "[!", "'", '"', "\\", "~", "-t", "-f", "$", "`"),
      run(input) {
        const text = asText(input).slice(0, 3000);
        parseScpCommand(text);
        for (const word of splitShellWords(text) ?? []) matchesPattern(parsePattern(word), "a".repeat(200) + "b");
        parseControlRecord(text);
      },
    },
    {
      name: "agent-front",
      seeds: texts(
        "GET / HTTP/1.1\r\n\r\n",
        "GET /.well-known/porthole HTTP/1.1\r\nAccept: application/vnd.porthole+json\r\n\r\n",
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Protocol: porthole.resume.v1\r\n\r\n",
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\nX-Forwarded-For: 1, 2\r\n\r\n\u0082\u0001x",
        "SSH-2.0-x\r\n",
      ),
      tokens: texts(
        "\r\n",
        "Upgrade: websocket\r\n",
        "HEAD ",
        "\0",
        "Sec-WebSocket-Protocol: porthole.resume.v1.again\r\n",
      ),
      run: (input, random) => visitFront(input, random),
    },
    {
      name: "resume-session",
      seeds: RESUME_SEEDS,
      run: (input, random) => exchange(input, random, serveSession),
    },
    {
      name: "ssh-server",
      seeds: [...texts("SSH-2.0-x\r\n", "SSH-1.99-x y z\n", "GET / HTTP/1.1\r\n\r\n"), sshSeed()],
      tokens: [
        ...texts("SSH-2.0-", "\r\n", "curve25519-sha256", "mlkem768x25519-sha256", ","),
        new Uint8Array([0, 0, 0, 12, 10, 20]),
      ],
      run: (input, random) =>
        exchange(input, random, async (stream) => {
          using server = createSshServer({
            hostKeys: [hostKey],
            ident: "fuzz",
            authenticate: () => false,
            handlers: () => ({}),
            limits: { ...DEFAULT_LIMITS, loginTimeoutMs: 10_000 },
          });
          const { gone } = server.accept(stream);
          await new Promise<void>((resolve) =>
            gone.aborted ? resolve() : gone.addEventListener("abort", () => resolve())
          );
        }),
    },
  ];
}

/** Runs `serve` at one end and gives it `input` from the other, in pieces, reading all that it answers. */
async function exchange(
  input: Uint8Array,
  random: Random,
  serve: (stream: ByteStream) => Promise<unknown>,
): Promise<void> {
  const [near, far] = createMemoryPair();
  const serving = serve(far).finally(() => far[Symbol.dispose]());
  const outcome = serving.then(() => undefined, (error: unknown) => ({ error }));
  const reading = readAll(near);
  await writeAll(near, random.cut(input));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), END_MS));
  const ended = await Promise.race([outcome, late]);
  clearTimeout(timer);
  near[Symbol.dispose]();
  far[Symbol.dispose]();
  await Promise.all([reading, outcome]);
  mustHold(ended !== "late", `not done ${END_MS} ms behind the end`);
  if (ended && ended !== "late") throw ended.error;
}

async function writeAll(stream: ByteStream, pieces: readonly Uint8Array[]): Promise<void> {
  try {
    for (const piece of pieces) await stream.write(piece);
    await stream.closeWrite();
  } catch {
    // The server has closed before it heard all.
  }
}

async function readAll(stream: ByteStream): Promise<void> {
  try {
    while (await stream.read() !== null);
  } catch {
    // Closed hard: as good an end as any.
  }
}

async function serveSession(stream: ByteStream): Promise<void> {
  await using sessions = new ResumeSessions({ holdMs: 1 });
  const carrier = Object.assign(stream, {
    keepLast() {},
    close: () => stream.closeWrite(),
    stopped: Promise.resolve(),
  });
  const session = sessions.open(carrier, { identity: "" });
  await session.write(new Uint8Array(100));
  await readAll(session);
  session[Symbol.dispose]();
}

/** A connection to the front, which is all of a TCP connection that it uses. */
async function visitFront(input: Uint8Array, random: Random): Promise<void> {
  await exchange(input, random, async (stream) => {
    let rest: Uint8Array = new Uint8Array(0);
    const conn = {
      remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
      setNoDelay() {},
      async read(into: Uint8Array) {
        if (rest.length === 0) rest = (await stream.read())?.slice() ?? rest;
        if (rest.length === 0) return null;
        const taken = rest.subarray(0, into.length);
        into.set(taken);
        rest = rest.subarray(taken.length);
        return taken.length;
      },
      async write(bytes: Uint8Array) {
        await stream.write(bytes);
        return bytes.length;
      },
      closeWrite: () => stream.closeWrite(),
      close: () => stream[Symbol.dispose](),
    };
    let isTaken = false;
    const listener = {
      accept() {
        if (isTaken) return Promise.reject(new Deno.errors.BadResource("closed"));
        isTaken = true;
        return Promise.resolve(conn);
      },
    };
    const handled: Promise<void>[] = [];
    await using sessions = new ResumeSessions({ holdMs: 1 });
    // Typed as a listener; what the front uses of one, this has.
    await serveFront(listener as unknown as Deno.TcpListener, {
      describe: () => ({}),
      accept(client, { place }) {
        place[Symbol.dispose]();
        handled.push(readAll(client).then(() => client[Symbol.dispose]()));
      },
      sessions,
      waiting: new WaitingClients({ maxWaiting: 10 }),
      shutOutForMs: () => 0,
    });
    await Promise.all(handled);
  });
}

function sftpSeeds(): Uint8Array[] {
  const init = encodePacket(PacketType.init, [{ u32: 3 }]);
  const handle = new Uint8Array([0, 0, 0, 0]);
  const requests = [
    sftp(PacketType.realpath, "."),
    sftp(PacketType.stat, "a"),
    sftp(PacketType.open, "a", { u32: 3 }, { u32: 0 }),
    sftp(PacketType.read, handle, { u64: 0 }, { u32: 100 }),
    sftp(PacketType.write, handle, { u64: 3 }, new Uint8Array(20)),
    sftp(PacketType.fstat, handle),
    sftp(PacketType.opendir, "folder"),
    sftp(PacketType.readdir, handle),
    sftp(PacketType.mkdir, "new", { u32: 0 }),
    sftp(PacketType.rename, "a", "c"),
    sftp(PacketType.remove, "c"),
    sftp(PacketType.symlink, "a", "l"),
    sftp(PacketType.extended, "posix-rename@openssh.com", "a", "b"),
    sftp(PacketType.close, handle),
  ];
  return [...requests.map((request) => join([init, request])), join([init, ...requests])];
}

/** A greeting and a KEXINIT. */
function sshSeed(): Uint8Array {
  const lists = ["curve25519-sha256", "ssh-ed25519", "aes128-ctr", "aes128-ctr", "x", "x", "none", "none", "", ""];
  const body = join([new Uint8Array([20]), new Uint8Array(16), ...lists.map(sshString), new Uint8Array(5)]);
  const padding = 8 - (body.length + 5) % 8 + 8;
  const head = new Uint8Array(5);
  new DataView(head.buffer).setUint32(0, body.length + padding + 1);
  head[4] = padding;
  return join([...texts("SSH-2.0-x\r\n"), head, body, new Uint8Array(padding)]);
}

function sshString(text: string): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length);
  return join([length, ...texts(text)]);
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
