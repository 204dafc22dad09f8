import { after } from "../base/every.ts";

/** After a connection that could not be taken: files may be there again, and no busy loop meanwhile. */
const PAUSE_MS = 10;

/** Options of {@link acceptAll}. */
export interface AcceptAllOptions {
  /** A connection could not be taken since this process may open no more files (EMFILE): what can be closed should be. */
  readonly onOutOfFiles?: () => void;
}

/**
 * Gives every connection to `take` until `listener` is closed; then it resolves.
 *
 * One that failed before it was taken (ECONNABORTED), or that no file is left for, is no reason to stop, nor to end the
 * process, as `for await` over the listener would.
 */
export async function acceptAll<C>(
  listener: { accept(): Promise<C> },
  take: (conn: C) => void,
  { onOutOfFiles }: AcceptAllOptions = {},
): Promise<void> {
  for (;;) {
    try {
      take(await listener.accept());
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
      if (isOutOfFiles(error)) onOutOfFiles?.();
      await new Promise<void>((resolve) => after(PAUSE_MS, resolve));
    }
  }
}

/** EMFILE: this process has as many files open as it may; ENFILE: the machine has. */
function isOutOfFiles(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EMFILE" || error.code === "ENFILE");
}
