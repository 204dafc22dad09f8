/** Requests under way at the start of a transfer: a small file costs no more than it needs. */
const FIRST_REQUESTS = 8;

/** Requests under way at most, however small: servers keep lists of them. */
const MAX_REQUESTS = 512;

/** Memory and wire that one transfer may take up: 160 MB/s over a link of 100 ms. */
export const MAX_IN_FLIGHT_BYTES = 16 * 1024 * 1024;

/**
 * How many requests of one transfer may be under way: it doubles with each round trip that the far side kept up with,
 * until the bytes in flight are at their bound.
 */
export class TransferWindow {
  #requests = FIRST_REQUESTS;
  readonly #maxInFlightBytes: number;

  constructor({ maxInFlightBytes = MAX_IN_FLIGHT_BYTES }: { maxInFlightBytes?: number | undefined } = {}) {
    this.#maxInFlightBytes = maxInFlightBytes;
  }

  /** True if another request of `blockBytes` may go out beside `underWay` others. One always may. */
  hasRoom(underWay: number, blockBytes: number): boolean {
    if (underWay === 0) return true;
    return underWay < this.#requests && (underWay + 1) * blockBytes <= this.#maxInFlightBytes;
  }

  /** A request was answered as it should be. */
  grow(): void {
    this.#requests = Math.min(this.#requests + 1, MAX_REQUESTS);
  }
}
