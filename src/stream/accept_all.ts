/** After a connection that could not be taken: files may be there again, and no busy loop meanwhile. */
const PAUSE_MS = 10;
/** So many at once, then those who were taken before get to say something: a flood must not come between. */
const TURN = 8;

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
  for (let count = 1;; count++) {
    try {
      take(await listener.accept());
      if (count % TURN === 0) await pause(0);
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
      if (isOutOfFiles(error)) onOutOfFiles?.();
      await pause(PAUSE_MS);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** EMFILE: this process has as many files open as it may; ENFILE: the machine has. */
function isOutOfFiles(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EMFILE" || error.code === "ENFILE");
}
