import { sleep } from "../base/abort.ts";
import { formatDuration } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import type { ByteStream, Dialer } from "../stream/byte_stream.ts";

const FIRST_PAUSE_MS = 250;
/** A route comes up within seconds; asking more often than this only adds to its host's load. */
const MAX_PAUSE_MS = 3000;

/** Options of {@link dialWithWait}. */
export interface DialWithWaitOptions {
  /** How long a route that is not ready is asked again; 0 asks once. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called once, with the first refusal, when there is going to be a second try. */
  readonly onWait: (line: string) => void;
}

/** Dials until the route is ready or the time is up; anything but `route_not_ready` is final. @throws as `dial` does */
export async function dialWithWait(
  dial: Dialer,
  { waitMs, signal, onWait }: DialWithWaitOptions,
): Promise<ByteStream> {
  const startedAt = performance.now();
  for (let attempt = 0;; attempt++) {
    try {
      return await dial({ signal });
    } catch (error) {
      const leftMs = waitMs - (performance.now() - startedAt);
      if (!(error instanceof AppError) || error.code !== "route_not_ready" || leftMs <= 0) throw error;
      if (attempt === 0) onWait(`${error.message}; waiting up to ${formatDuration(waitMs)} for the route`);
      await sleep(Math.min(pauseMs(attempt, error), leftMs), signal);
    }
  }
}

function pauseMs(attempt: number, error: AppError): number {
  const asked = error.details?.retryAfterMs;
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10), MAX_PAUSE_MS);
  return typeof asked === "number" ? Math.max(asked, pause) : pause;
}
