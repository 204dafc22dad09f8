import { createLibcPtyHost } from "../../src/agent/pty/libc_pty.ts";
import type { ProcessExit } from "../../src/agent/pty/pty_process.ts";

/** A program at a terminal, as a person would use it. */
export interface Terminal extends AsyncDisposable {
  /** All that was shown so far. */
  readonly shown: string;
  type(text: string): Promise<void>;
  /** Resolves when `pattern` shows behind what earlier waits matched. */
  waitFor(pattern: RegExp): Promise<void>;
  resize(size: { cols: number; rows: number; widthPx?: number; heightPx?: number }): void;
  readonly exit: Promise<ProcessExit>;
}

/** Starts `file` (absolute) in a terminal of 91 columns and 27 rows. */
export function openTerminal(
  file: string,
  args: readonly string[],
  { env = {} }: { env?: Record<string, string> } = {},
): Terminal {
  const host = createLibcPtyHost();
  const pty = host.spawn({
    file,
    argv: [file, ...args],
    env: () => ({ PATH: Deno.env.get("PATH") ?? "", TERM: "xterm-256color", HOME: "/nonexistent", ...env }),
    cwd: "/",
    size: { cols: 91, rows: 27, widthPx: 910, heightPx: 540 },
    modes: new Map(),
  });
  let shown = "";
  let matchedTo = 0;
  let isEnded = false;
  let changed = Promise.withResolvers<void>();
  const reading = (async () => {
    const decoder = new TextDecoder();
    for (let bytes = await pty.read(); bytes !== null; bytes = await pty.read()) {
      shown += decoder.decode(bytes, { stream: true });
      changed.resolve();
      changed = Promise.withResolvers();
    }
    isEnded = true;
    changed.resolve();
  })();
  return {
    get shown() {
      return shown;
    },
    exit: pty.exit,
    type: (text) => pty.write(new TextEncoder().encode(text)),
    resize: ({ cols, rows, widthPx = 0, heightPx = 0 }) => pty.resize({ cols, rows, widthPx, heightPx }),
    async waitFor(pattern) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) =>
        timer = setTimeout(
          () => reject(new Error(`Did not show ${pattern}: ${JSON.stringify(shown.slice(matchedTo))}`)),
          15_000,
        )
      );
      try {
        for (;;) {
          const match = pattern.exec(shown.slice(matchedTo));
          if (match) {
            matchedTo += match.index + match[0].length;
            return;
          }
          if (isEnded) throw new Error(`Ended without showing ${pattern}: ${JSON.stringify(shown.slice(matchedTo))}`);
          await Promise.race([changed.promise, late]);
        }
      } finally {
        clearTimeout(timer);
      }
    },
    async [Symbol.asyncDispose]() {
      pty[Symbol.dispose]();
      try {
        Deno.kill(pty.pid, "SIGKILL");
      } catch {
        // It has ended, as it should have.
      }
      await reading;
      await pty.exit;
      await host[Symbol.asyncDispose]();
    },
  };
}
