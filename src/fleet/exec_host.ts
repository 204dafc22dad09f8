import { deadline, orAbort } from "../base/abort.ts";
import { formatDuration } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import type { SshConnection } from "../ssh/client/connection.ts";
import type { RemoteCommand } from "../ssh/client/remote_command.ts";
import type { ComposedCommand } from "./command_line.ts";
import type { CollectedOutput, OutputName, OutputStore } from "./output_store.ts";

/** Options of {@link execOnConnection}. */
export interface ExecOnConnectionOptions {
  /** What the command reads; nothing unless given. */
  readonly stdin?: Uint8Array | undefined;
  /** Infinity for no limit. */
  readonly timeoutMs: number;
  readonly store: OutputStore;
  /** Names the files of outputs that do not fit: the name and `.stdout` or `.stderr`. */
  readonly fileName: string;
  readonly onOutput?: ((name: OutputName, bytes: Uint8Array) => void | Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a command came to: its outputs as far as they came, and how it ended or why it was ended. */
export interface ExecOutcome {
  readonly stdout: CollectedOutput;
  readonly stderr: CollectedOutput;
  readonly code: number | null;
  readonly signal: string | null;
  /** An AppError `timeout`, `cancelled`, `tunnel_closed`, ...: what came in place of an exit status. */
  readonly error?: unknown;
}

/**
 * Runs one command to its end. Past its time, or when `signal` aborts, it is sent TERM and KILL on the far end.
 *
 * @throws AppError only when the command could not be started.
 */
export async function execOnConnection(
  connection: SshConnection,
  { line, stdinPrefix }: ComposedCommand,
  { stdin, timeoutMs, store, fileName, onOutput, signal }: ExecOnConnectionOptions,
): Promise<ExecOutcome> {
  using limit = deadline(timeoutMs, { signal, reason: () => commandTimeout(timeoutMs) });
  using command = await connection.exec(line, { signal: limit.signal });
  const feeding = feed(command, [stdinPrefix === undefined ? undefined : encode(stdinPrefix), stdin]);
  const collect = (name: OutputName) =>
    store.collect(command[name], {
      fileName: `${fileName}.${name}`,
      onBytes: onOutput && ((bytes) => onOutput(name, bytes)),
    });
  const outputs = Promise.all([collect("stdout"), collect("stderr")]);
  outputs.catch(() => {/* awaited below */});
  let error: unknown;
  try {
    await orAbort(Promise.all([outputs, command.exit]), limit.signal);
  } catch (failure) {
    error = failure;
    await command.cancel();
  }
  const [stdout, stderr] = await outputs;
  const { code, signal: endedBy } = await command.exit;
  await feeding;
  if (error === undefined && code === null && endedBy === null) error = await whyLost(connection);
  return { stdout, stderr, code: error === undefined ? code : null, signal: endedBy, error };
}

/** Writes to stdin and closes it. A command that ends without reading is no failure. */
async function feed({ stdin, exit }: RemoteCommand, pieces: ReadonlyArray<Uint8Array | undefined>): Promise<void> {
  const writeAll = async () => {
    for (const piece of pieces) if (piece?.length) await stdin.write(piece);
  };
  await Promise.race([writeAll().catch(() => {/* it ended without reading */}), exit]);
  stdin.close();
}

async function whyLost(connection: SshConnection): Promise<AppError> {
  const broken = connection.isClosed ? await connection.closed : undefined;
  return broken ?? new AppError("tunnel_closed", "The connection ended before the command's exit status came");
}

function commandTimeout(timeoutMs: number): AppError {
  return new AppError("timeout", `The command did not end within ${formatDuration(timeoutMs)} and was killed`, {
    hint: "Give it more time with --timeout",
    details: { phase: "command" },
  });
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
