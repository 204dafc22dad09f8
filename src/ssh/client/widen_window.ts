import type { ClientChannel } from "../ssh2_adapter.ts";

/** What ssh2 lets the far end of every channel send ahead. */
const SSH2_WINDOW_BYTES = 2 * 1024 * 1024;
const MAX_WINDOW_BYTES = 16 * 1024 * 1024;
/** A fast line's. More on the way than it holds is moved about in sshd's memory: thrice its CPU time (measured). */
const BYTES_PER_MS = 300 * 1024;

/** How much has to be on the way for a far end of that round trip, at least what ssh2 allows: at 50 ms 15 MiB. */
export function bytesOnTheWay(roundTripMs: number): number {
  return Math.max(SSH2_WINDOW_BYTES, Math.min(MAX_WINDOW_BYTES, Math.round(roundTripMs * BYTES_PER_MS)));
}

/** What of ssh2's inside {@link widenWindow} needs. */
interface ChannelInside {
  readonly outgoing: { readonly id: number };
  readonly incoming: { window: number };
  readonly _client: { readonly _protocol: { channelWindowAdjust(channelId: number, bytes: number): void } };
}

/**
 * Lets the far end send `windowBytes` ahead; the 2 MiB that ssh2 gives every channel would hold a transfer to 40 MB/s over
 * a link of 50 ms. So much may have to be held here when the reader of the channel is slow.
 *
 * ssh2 goes on counting its own 2 MiB and gives them back as they are read; its count falls below 0 while the reader is
 * behind. A count of exactly 0 would make it drop what comes, so it is never shown one.
 */
export function widenWindow(channel: ClientChannel, windowBytes: number): void {
  if (windowBytes <= SSH2_WINDOW_BYTES) return;
  const { outgoing, incoming, _client } = channel as unknown as ChannelInside;
  let count = incoming.window;
  Object.defineProperty(incoming, "window", {
    get: () => count === 0 ? -0.5 : count,
    // Rounds the half that was shown for 0 away again: Math.round(-0.5 - 10) is -10.
    set: (value: number) => count = Math.round(value),
  });
  _client._protocol.channelWindowAdjust(outgoing.id, windowBytes - SSH2_WINDOW_BYTES);
}
