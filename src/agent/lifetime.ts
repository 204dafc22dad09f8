import { MAX_TIMER_MS } from "../base/every.ts";

/** When the agent stays after its command ended. */
export type Hold = "never" | "on-failure" | "always";

/** Why the agent leaves. */
export type EndReason = "job-ended" | "hold-over" | "idle" | "max-uptime" | "stopped";

/** Timers, so that a test can turn the clock. */
export interface Clock {
  /** Calls `run` after `ms` unless the returned function is called before. */
  after(ms: number, run: () => void): () => void;
}

/** Rules of {@link Lifetime}. */
export interface LifetimeRules {
  readonly hasJob: boolean;
  readonly hold: Hold;
  readonly holdForMs: number;
  /** Counted only while no SSH session is open and no job runs; undefined for never. */
  readonly idleTimeoutMs?: number | undefined;
  readonly maxUptimeMs: number;
  /**
   * Whether somebody asked for this maximum. If so it ends a running job too; the default one does not, since it is
   * there for agents that were forgotten.
   */
  readonly isMaxUptimeGiven: boolean;
  readonly clock?: Clock;
}

const SYSTEM_CLOCK: Clock = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Decides when the agent leaves; whoever runs it tells what happens.
 *
 * With a job it leaves when that ended, unless `hold` wants it to stay, for `holdForMs` then. It leaves after
 * `idleTimeoutMs` without a session and after `maxUptimeMs` in any case.
 */
export class Lifetime implements Disposable {
  /** Settles once, with the first reason. */
  readonly over: Promise<EndReason>;
  readonly #rules: LifetimeRules;
  readonly #clock: Clock;
  readonly #end: (reason: EndReason) => void;
  /** By reason, what stops the timer. */
  readonly #timers = new Map<EndReason, () => void>();
  #isJobRunning: boolean;
  #isStopping = false;
  #sessions = 0;

  constructor(rules: LifetimeRules) {
    this.#rules = rules;
    this.#clock = rules.clock ?? SYSTEM_CLOCK;
    const { promise, resolve } = Promise.withResolvers<EndReason>();
    this.over = promise;
    this.#end = resolve;
    this.#isJobRunning = rules.hasJob;
    if (!rules.hasJob || rules.isMaxUptimeGiven) this.#start("max-uptime", rules.maxUptimeMs);
    this.#countIdleTime();
  }

  /** `count` clients are logged in now. */
  sessionsOpen(count: number): void {
    this.#sessions = count;
    this.#countIdleTime();
  }

  /** The job ended with `status`. Returns whether the agent stays. */
  jobEnded(status: number): boolean {
    this.#isJobRunning = false;
    const { hold, holdForMs, isMaxUptimeGiven, maxUptimeMs } = this.#rules;
    if (this.#isStopping) this.#end("stopped");
    else if (hold === "never" || (hold === "on-failure" && status === 0)) this.#end("job-ended");
    else {
      this.#start("hold-over", holdForMs);
      if (!isMaxUptimeGiven) this.#start("max-uptime", maxUptimeMs);
      this.#countIdleTime();
      return true;
    }
    return false;
  }

  /** Somebody asked the agent to leave. A job that runs was told so as well and is waited for. */
  stop(): void {
    this.#isStopping = true;
    if (!this.#isJobRunning) this.#end("stopped");
  }

  [Symbol.dispose](): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #countIdleTime(): void {
    const { idleTimeoutMs } = this.#rules;
    if (idleTimeoutMs === undefined) return;
    const isIdle = this.#sessions === 0 && !this.#isJobRunning;
    if (isIdle && !this.#timers.has("idle")) this.#start("idle", idleTimeoutMs);
    if (!isIdle) this.#cancel("idle");
  }

  #start(reason: EndReason, ms: number): void {
    this.#cancel(reason);
    if (ms <= MAX_TIMER_MS) this.#timers.set(reason, this.#clock.after(ms, () => this.#end(reason)));
  }

  #cancel(reason: EndReason): void {
    this.#timers.get(reason)?.();
    this.#timers.delete(reason);
  }
}
