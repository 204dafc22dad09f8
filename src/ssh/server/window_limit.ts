import type { Ssh2Connection } from "./ssh2_internals.ts";

/**
 * Announces a window of `bytes` for each channel that the client opens, and never opens it again (RFC 4254 5.2).
 *
 * Must be called before the first channel is opened.
 */
export function starveWindows({ _protocol: protocol }: Ssh2Connection, bytes: number): void {
  const confirm = protocol.channelOpenConfirm.bind(protocol);
  protocol.channelOpenConfirm = (peerId, id, _window, maxPacket) => confirm(peerId, id, bytes, maxPacket);
  protocol.channelWindowAdjust = () => {};
}
