import type { Ssh2Connection } from "./ssh2_internals.ts";

/** What ssh2 announces when a channel opens, and what OpenSSH's own server gives. */
export const INITIAL_WINDOW_BYTES = 2 * 1024 * 1024;
/** What a client may have under way at most: so much has to be kept for one that sends faster than it is read. */
const MAX_WINDOW_BYTES = 8 * 1024 * 1024;
/** What a window is to make possible: 100 MB/s over whatever distance. */
const BYTES_PER_MS = 100_000;

/** Takes down how far away the client is, from what it says at once when the key exchange is over (RFC 4252 4). */
export function measureRoundTrip(connection: Ssh2Connection): void {
  connection.once("handshake", () => {
    const startedAt = performance.now();
    connection.once("authentication", () => connection._sock.roundTripMs = performance.now() - startedAt);
  });
}

/**
 * How much a client may send ahead on one channel: 2 MiB for one that is near, up to 8 MiB for one that is far.
 *
 * Not 8 MiB for all: OpenSSH's client fills whatever window it has, and moves all of that about in memory for every
 * packet, which then costs it four times the CPU (measured).
 */
export function windowBytes({ _sock: { roundTripMs } }: Ssh2Connection): number {
  const wanted = roundTripMs === undefined ? 0 : Math.ceil(roundTripMs * BYTES_PER_MS);
  return Math.min(Math.max(wanted, INITIAL_WINDOW_BYTES), MAX_WINDOW_BYTES);
}
