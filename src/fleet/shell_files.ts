import { AppError } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";
import { shellQuote } from "../base/shell_quote.ts";
import { orAbort, sleep } from "../base/abort.ts";
import type { ByteReader } from "../ssh/client/channel_stream.ts";
import type { SshConnection } from "../ssh/client/connection.ts";
import type { RemoteCommand } from "../ssh/client/remote_command.ts";
import type { RemoteFiles, RemoteStat } from "./remote_files.ts";

const BLOCK_BYTES = 256 * 1024;
/** For how long, and how often, a session is asked for while the server has no room for one more. */
const MAX_WAIT_FOR_ROOM_MS = 60_000;
const ROOM_POLL_MS = 50;
/** What a command that is no transfer may say. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** The files of a host that has no SFTP: `cat`, `mv` and the like, run by its shell. */
export function openShellFiles(connection: SshConnection, signal: AbortSignal | undefined): RemoteFiles {
  const ask = async (script: string, options = { signal }): Promise<string> => {
    const pieces: Uint8Array[] = [];
    let size = 0;
    await runScript(connection, script, {
      ...options,
      onBytes(bytes) {
        size += bytes.length;
        if (size > MAX_ANSWER_BYTES) throw new AppError("remote_failed", "The far side said more than was asked for");
        pieces.push(bytes);
        return Promise.resolve();
      },
    });
    return new TextDecoder().decode(await new Blob(pieces.map((piece) => new Uint8Array(piece))).arrayBuffer());
  };
  return {
    via: "cat",
    async stat(path) {
      const file = quotePath(path);
      // GNU and busybox know -c, BSD and macOS know -f.
      const told = await ask(
        `if [ -e ${file} ]; then stat -L -c '%f %s %Y' ${file} 2>/dev/null || ` +
          `{ printf x; stat -L -f '%p %z %m' ${file}; }; fi`,
      );
      return told === "" ? null : readStat(told);
    },
    async list(path) {
      const names = await ask(`cd ${quotePath(path)} && find . ! -name . -prune -print0`);
      return names.split("\0").filter((name) => name !== "").map((name) => name.replace(/^\.\//, ""));
    },
    async makeFolder(path) {
      const folder = quotePath(path);
      return await ask(`[ -d ${folder} ] || { mkdir -p ${folder} && echo made; }`) !== "";
    },
    async read(path, sink, { startAt, onProgress }) {
      const file = quotePath(path);
      let done = startAt;
      await runScript(connection, startAt > 0 ? `tail -c +${startAt + 1} ${file}` : `cat ${file}`, {
        signal,
        async onBytes(bytes) {
          for (let at = 0; at < bytes.length;) at += await sink.write(bytes.subarray(at));
          done += bytes.length;
          onProgress(done);
        },
      });
    },
    async write(path, source, { startAt, onProgress }) {
      let done = startAt;
      await runScript(connection, `umask 077; cat ${startAt > 0 ? ">>" : ">"} ${quotePath(path)}`, {
        signal,
        async nextInput() {
          const block = new Uint8Array(BLOCK_BYTES);
          const count = await source.read(block);
          if (!count) return null;
          done += count;
          onProgress(done);
          return block.subarray(0, count);
        },
      });
    },
    async setAttributes(path, { mode, mtime }) {
      const file = quotePath(path);
      const commands = [
        ...(mode === undefined ? [] : [`chmod ${mode.toString(8)} ${file}`]),
        ...(mtime === undefined ? [] : [`TZ=UTC0 touch -t ${touchTime(mtime)} ${file}`]),
      ];
      if (commands.length > 0) await ask(commands.join(" && "));
    },
    async replace(from, to) {
      // mv would move it into a folder of that name.
      const target = quotePath(to);
      await ask(`if [ -d ${target} ]; then echo a folder is there >&2; exit 1; fi; mv -f ${quotePath(from)} ${target}`);
    },
    async remove(path) {
      await ask(`rm -f ${quotePath(path)}`, { signal: undefined });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function quotePath(path: string): string {
  return shellQuote(path.startsWith("-") ? `./${path}` : path);
}

/** `[[CC]YY]MMDDhhmm[.SS]` of POSIX touch(1), in UTC. */
function touchTime(seconds: number): string {
  const text = new Date(seconds * 1000).toISOString().replace(/[-T:]/g, "");
  return `${text.slice(0, 12)}.${text.slice(12, 14)}`;
}

function readStat(told: string): RemoteStat {
  const isBsd = told.startsWith("x");
  const [mode = "", size = "", mtime = ""] = told.replace(/^x/, "").trim().split(" ");
  const bits = Number.parseInt(mode, isBsd ? 8 : 16);
  const type = bits & 0o170000;
  const kind = type === 0o040000 ? "folder" : type === 0o100000 ? "file" : "other";
  return { kind, size: Number(size), mode: bits & 0o7777, mtime: Number(mtime) };
}

interface ScriptOptions {
  readonly signal: AbortSignal | undefined;
  readonly onBytes?: (bytes: Uint8Array) => Promise<void>;
  readonly nextInput?: () => Promise<Uint8Array | null>;
}

/** Runs a script by `sh`, whatever the login shell is. @throws AppError `remote_failed` with what it said on stderr. */
async function runScript(connection: SshConnection, script: string, options: ScriptOptions): Promise<void> {
  const { signal, onBytes, nextInput } = options;
  using command = await startWhenRoom(connection, `sh -c ${shellQuote(script)}`, signal);
  const feed = async () => {
    for (let block; nextInput && (block = await nextInput()) !== null;) await command.stdin.write(block);
    command.stdin.close();
  };
  const said: string[] = [];
  const decoder = new TextDecoder();
  const work = Promise.all([
    // A command that ends early says why on stderr: that is the better error than the broken pipe.
    Promise.race([feed().catch((error) => signal?.aborted ? Promise.reject(error) : undefined), command.exit]),
    drain(command.stdout, onBytes),
    drain(command.stderr, (bytes) => {
      if (said.length < 20) said.push(decoder.decode(bytes));
      return Promise.resolve();
    }),
  ]);
  try {
    await orAbort(work, signal);
  } catch (error) {
    await command.cancel();
    throw error;
  }
  const { code } = await command.exit;
  if (code === 0) return;
  const why = oneLine(said.join("")) || `status ${code}`;
  throw new AppError(/no such file/i.test(why) ? "not_found" : "remote_failed", `The far side says: ${why}`);
}

/** A server lets so many sessions be open at once (MaxSessions, 10 with sshd) and takes a moment to forget one. */
async function startWhenRoom(
  connection: SshConnection,
  line: string,
  signal: AbortSignal | undefined,
): Promise<RemoteCommand> {
  const startedAt = performance.now();
  for (;;) {
    try {
      return await connection.exec(line, { signal });
    } catch (error) {
      const isFull = error instanceof AppError && error.details?.reason === "channel_refused";
      if (!isFull || performance.now() - startedAt > MAX_WAIT_FOR_ROOM_MS) throw error;
      await sleep(ROOM_POLL_MS, signal);
    }
  }
}

async function drain(reader: ByteReader, onBytes?: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  for (let bytes; (bytes = await reader.read()) !== null;) await onBytes?.(bytes);
}
