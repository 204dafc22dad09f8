/** What a failed log-in counts for. Short, since an address may stand for more people than the one that fails. */
export const FAILED_LOGIN_WINDOW_MS = 60_000;
/** Addresses that are remembered; the one that failed first is forgotten for another. */
const MAX_ADDRESSES = 10_000;

/** Options of {@link FailedLogins}. */
export interface FailedLoginsOptions {
  /** So many within a minute shut an address out until the minute is over; 0 for no limit. */
  readonly maxFailures: number;
  now?(): number;
}

/** Who has failed to log in lately, by address. */
export class FailedLogins {
  readonly #maxFailures: number;
  readonly #now: () => number;
  /** When the last failures were, the oldest first, at most as many as count. */
  readonly #failures = new Map<string, number[]>();

  constructor({ maxFailures, now = () => performance.now() }: FailedLoginsOptions) {
    this.#maxFailures = maxFailures;
    this.#now = now;
  }

  /** A client from `address` left without a log-in after it was refused. Returns true if that shuts the address out. */
  add(address: string): boolean {
    if (this.#maxFailures === 0) return false;
    const times = this.#failures.get(address) ?? [];
    times.push(this.#now());
    if (times.length > this.#maxFailures) times.shift();
    this.#failures.delete(address);
    this.#failures.set(address, times);
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > MAX_ADDRESSES && oldest !== undefined) this.#failures.delete(oldest);
    return this.shutOutForMs(address) > 0;
  }

  /** Somebody from `address` has logged in: whoever failed there is no stranger. */
  forget(address: string): void {
    this.#failures.delete(address);
  }

  /** For how long `address` is shut out still; 0 when it is not. */
  shutOutForMs(address: string): number {
    const times = this.#failures.get(address);
    const first = times?.[0];
    if (this.#maxFailures === 0 || first === undefined || (times?.length ?? 0) < this.#maxFailures) return 0;
    return Math.max(0, first + FAILED_LOGIN_WINDOW_MS - this.#now());
  }
}
