import { orAbort } from "../base/abort.ts";
import { AppError } from "../base/errors.ts";

const MAX_BYTES = 8192;
const CTRL_C = 0x03;
const CTRL_D = 0x04;
const BACKSPACES = new Set([0x08, 0x7f]);
const LINE_ENDS = new Set([0x0a, 0x0d]);

/** Options of {@link readSecret}. */
export interface ReadSecretOptions {
  readonly isTerminal: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Shown on a terminal before it is read. */
  prompt(): void;
}

/**
 * A secret from standard input: typed or pasted without an echo on a terminal, else all that is piped in.
 *
 * It never comes from the command line, where every process of the machine can read it.
 * @throws AppError `cancelled` on Ctrl-C; `usage` for more than 8 KiB.
 */
export async function readSecret({ isTerminal, signal, prompt }: ReadSecretOptions): Promise<string> {
  signal?.throwIfAborted();
  if (!isTerminal) return await readBytes({ signal, isEnd: () => false });
  prompt();
  // Ctrl-C stays a signal, for the whole command: here it would only refuse one answer.
  Deno.stdin.setRaw(true, { cbreak: Deno.build.os !== "windows" });
  try {
    return await readBytes({ signal, isEnd: (byte) => LINE_ENDS.has(byte) || byte === CTRL_D });
  } finally {
    Deno.stdin.setRaw(false);
  }
}

async function readBytes(
  { signal, isEnd }: { signal: AbortSignal | undefined; isEnd: (byte: number) => boolean },
): Promise<string> {
  const kept: number[] = [];
  const buffer = new Uint8Array(1024);
  for (;;) {
    const count = await orAbort(Deno.stdin.read(buffer), signal);
    for (const byte of buffer.subarray(0, count ?? 0)) {
      if (byte === CTRL_C) throw new AppError("cancelled", "Cancelled");
      if (isEnd(byte)) return decode(kept);
      if (BACKSPACES.has(byte)) kept.pop();
      else kept.push(byte);
    }
    if (count === null) return decode(kept);
    if (kept.length > MAX_BYTES) throw new AppError("usage", "Cannot read a secret of more than 8 KiB");
  }
}

function decode(bytes: readonly number[]): string {
  return new TextDecoder().decode(new Uint8Array(bytes)).trim();
}
