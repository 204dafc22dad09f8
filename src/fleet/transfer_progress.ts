import type { TransferEvent } from "./transfer_options.ts";

/** Progress events of one host come no oftener than this. */
const EVERY_MS = 100;

/** Counts what goes over the wire to or from one host. */
export interface TransferProgress {
  /** A counter for one file: to be told how far into it the transfer has come. */
  file(path: string, options: { startAt: number; totalBytes: number }): (doneBytes: number) => void;
  /** Bytes so far, over all files. */
  readonly bytes: number;
}

/** @returns a counter that tells `emit` at most ten times a second. */
export function trackProgress(
  host: string,
  emit: ((event: TransferEvent) => Promise<void>) | undefined,
): TransferProgress {
  const startedAt = performance.now();
  let bytes = 0;
  let lastAt = 0;
  return {
    file(path, { startAt, totalBytes }) {
      let before = startAt;
      return (doneBytes) => {
        bytes += doneBytes - before;
        before = doneBytes;
        const now = performance.now();
        if (!emit || (now - lastAt < EVERY_MS && doneBytes < totalBytes)) return;
        lastAt = now;
        const bytesPerSecond = Math.round(bytes / Math.max(0.001, (now - startedAt) / 1000));
        // Not waited for: a slow watcher must not slow the transfer, and ten events a second bound what can wait.
        void emit({ type: "progress", host, path, doneBytes, totalBytes, bytesPerSecond });
      };
    },
    get bytes() {
      return bytes;
    },
  };
}
