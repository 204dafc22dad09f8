import type { ClientChannel } from "../ssh2_adapter.ts";

/** What of ssh2's inside {@link widenWindow} needs. */
interface ChannelInside {
  readonly outgoing: { readonly id: number };
  readonly incoming: { window: number };
  readonly _client: { readonly _protocol: { channelWindowAdjust(channelId: number, bytes: number): void } };
}

/**
 * Lets the far end send `extraBytes` more than the 2 MiB that ssh2 gives every channel, which would hold a transfer to
 * 40 MB/s over a link of 50 ms. So much may have to be held here when the reader of the channel is slow.
 *
 * ssh2 goes on counting its own 2 MiB and gives them back as they are read; its count falls below 0 while the reader is
 * behind. A count of exactly 0 would make it drop what comes, so it is never shown one.
 */
export function widenWindow(channel: ClientChannel, extraBytes: number): void {
  const { outgoing, incoming, _client } = channel as unknown as ChannelInside;
  let count = incoming.window;
  Object.defineProperty(incoming, "window", {
    get: () => count === 0 ? -0.5 : count,
    // Rounds the half that was shown for 0 away again: Math.round(-0.5 - 10) is -10.
    set: (value: number) => count = Math.round(value),
  });
  _client._protocol.channelWindowAdjust(outgoing.id, extraBytes);
}
