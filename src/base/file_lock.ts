import { deadline, orAbort } from "./abort.ts";
import { AppError } from "./errors.ts";

/** Options of {@link lockFile}. */
export interface LockFileOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for whoever holds it. */
  readonly timeoutMs?: number;
}

/**
 * Holds an exclusive lock on `path` until disposed; the kernel lets go of it when the process dies.
 *
 * The lock file is made if need be and stays behind: removing it would let two holders in.
 * @throws AppError `timeout` after `timeoutMs` (30 s).
 */
export async function lockFile(
  path: string,
  { signal, timeoutMs = 30_000 }: LockFileOptions = {},
): Promise<Disposable> {
  signal?.throwIfAborted();
  const file = await Deno.open(path, { read: true, write: true, create: true, mode: 0o600 });
  using limit = deadline(timeoutMs, {
    signal,
    reason: () => new AppError("timeout", `Another process holds the lock ${JSON.stringify(path)} for too long`),
  });
  const locking = file.lock(true);
  try {
    await orAbort(locking, limit.signal);
  } catch (error) {
    locking.finally(() => file.close()).catch(() => {/* the waiting thread ended with the file: nobody listens */});
    throw error;
  }
  return { [Symbol.dispose]: () => file.close() };
}
