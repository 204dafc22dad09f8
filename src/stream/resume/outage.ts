import { sleep } from "../../base/abort.ts";
import { formatDuration } from "../../base/duration.ts";
import { AppError, type ErrorCode } from "../../base/errors.ts";
import { oneLine } from "../../base/printable.ts";
import { isLoopback } from "../tcp.ts";
import { pauseBeforeMs } from "./backoff.ts";

/**
 * A port of this machine that has refused every try for so long has nobody behind it any more: an agent that was killed.
 * An ingress that is restarted here is back sooner.
 */
const NOBODY_HERE_MS = 25_000;
/** No try takes longer; a clock that says otherwise stood still with the machine, which was asleep. */
const LONGEST_TRY_MS = 60_000;

/** What no further try would mend. */
const FINAL: ReadonlySet<ErrorCode> = new Set(["usage", "run_ended", "cancelled"]);
/** What a person has to mend, while the session is held: a token that ran out, a headers file that is being written. */
const MENDABLE: ReadonlySet<ErrorCode> = new Set([
  "auth_denied",
  "redirected",
  "config_invalid",
  "not_found",
  "unsafe_file",
]);

/** Options of {@link Outage}. */
export interface OutageOptions {
  /** How long it is tried. Time that the machine slept does not count: after it, the network needs a moment as well. */
  readonly forMs: number;
  /** As `forMs`, while a port of this machine refuses every try; 25 s unless given. */
  readonly nobodyHereMs?: number | undefined;
  /** Connections before this one that ended as soon as they were there: each counts as a try that failed. */
  readonly failedTries?: number;
  /** The first try has failed. */
  readonly onHeld?: (held: { readonly forMs: number; readonly why: string }) => void;
  /** It will take a person to mend what stands in the way; told once. */
  readonly onStuck?: (failure: AppError) => void;
  /** It is over, after {@link onHeld}. */
  readonly onBack?: (back: { readonly afterMs: number }) => void;
}

/** Decides when to try again, and when to give up. Before {@link begin} the old connection still works: no failure counts. */
export class Outage {
  readonly #options: OutageOptions;
  #begunAt: number | undefined;
  #why = "the connection ended";
  #attempt = 0;
  #spentMs = 0;
  /** What was spent when a port of this machine began to refuse. */
  #refusedFromMs: number | undefined;
  #lastAt = performance.now();
  #isHeld = false;
  #isStuck = false;
  #pausing: AbortController | undefined;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  /** The connection is gone: from now on the time counts. */
  begin(error?: AppError): void {
    if (this.#begunAt !== undefined) return;
    if (error) this.#why = oneLine(error.message);
    this.#begunAt = this.#lastAt = performance.now();
    this.#attempt = this.#options.failedTries ?? 0;
    this.#pausing?.abort();
  }

  /** Another connection carries the session. */
  end(): void {
    if (!this.#isHeld || this.#begunAt === undefined) return;
    this.#options.onBack?.({ afterMs: performance.now() - this.#begunAt });
  }

  /**
   * Waits after a try that has failed until the next is due.
   *
   * @throws AppError `failure` where no further try would mend it, `tunnel_closed` when the time is over; the signal's reason
   */
  async pause(failure: AppError, signal: AbortSignal): Promise<void> {
    const { onHeld, onStuck } = this.#options;
    let leftMs = Infinity;
    if (this.#begunAt !== undefined) {
      if (FINAL.has(failure.code)) throw lost(failure, "it cannot be reached any more");
      this.#count();
      const limit = this.#limit(failure);
      leftMs = limit.leftMs;
      if (leftMs <= 0) throw lost(failure, `no way back was found for ${formatDuration(limit.ofMs)}`);
      if (!this.#isHeld) onHeld?.({ forMs: limit.ofMs, why: this.#why });
      this.#isHeld = true;
      if (!this.#isStuck && MENDABLE.has(failure.code)) onStuck?.(failure);
      this.#isStuck ||= MENDABLE.has(failure.code);
    }
    const pausing = new AbortController();
    this.#pausing = pausing;
    try {
      await sleep(Math.min(pauseBeforeMs(++this.#attempt), leftMs), AbortSignal.any([signal, pausing.signal]));
    } catch {
      signal.throwIfAborted();
      // The old connection has just gone: the next try is due at once.
    } finally {
      this.#pausing = undefined;
    }
  }

  /** How long it is tried at all, as far as `failure` tells, and how much of that is left. */
  #limit(failure: AppError): { readonly ofMs: number; readonly leftMs: number } {
    const { forMs, nobodyHereMs = NOBODY_HERE_MS } = this.#options;
    const whole = { ofMs: forMs, leftMs: forMs - this.#spentMs };
    if (!isNobodyHere(failure)) {
      this.#refusedFromMs = undefined;
      return whole;
    }
    this.#refusedFromMs ??= this.#spentMs;
    const leftMs = nobodyHereMs - (this.#spentMs - this.#refusedFromMs);
    return leftMs < whole.leftMs ? { ofMs: nobodyHereMs, leftMs } : whole;
  }

  #count(): void {
    const now = performance.now();
    this.#spentMs += Math.min(now - this.#lastAt, LONGEST_TRY_MS);
    this.#lastAt = now;
  }
}

function isNobodyHere({ code, details }: AppError): boolean {
  const { reason, hostname, proxy } = details ?? {};
  return code === "dial_failed" && reason === "refused" && proxy === undefined && isLoopback(String(hostname));
}

function lost(failure: AppError, how: string): AppError {
  const code = FINAL.has(failure.code) || MENDABLE.has(failure.code) ? failure.code : "tunnel_closed";
  return new AppError(code, `The session was lost: ${how}: ${failure.message}`, {
    hint: failure.hint ?? "Look whether the job still runs, then connect again",
    ...(failure.details ? { details: failure.details } : {}),
    cause: failure,
  });
}
