import type { Ssh2Connection } from "./ssh2_internals.ts";

/** RFC 4253 11.1. */
export const DISCONNECT = {
  protocolError: 2,
  byApplication: 11,
  tooManyConnections: 12,
  noMoreAuthMethods: 14,
} as const;

/** SSH_MSG_DISCONNECT. */
const MESSAGE = 1;

/** Sends SSH_MSG_DISCONNECT with words for whoever sits at the client; ssh2's own has none. */
export function sayDisconnect(
  { _protocol: { _packetRW: { write }, _cipher: cipher } }: Ssh2Connection,
  { reason, why }: { readonly reason: number; readonly why: string },
): void {
  const words = new TextEncoder().encode(why);
  // As for a key exchange: it may leave at any time, during one too.
  const packet = write.alloc(1 + 4 + 4 + words.length + 4, true);
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const at = write.allocStartKEX;
  packet[at] = MESSAGE;
  view.setUint32(at + 1, reason);
  view.setUint32(at + 5, words.length);
  packet.set(words, at + 9);
  // No language tag.
  view.setUint32(at + 9 + words.length, 0);
  cipher.encrypt(write.finalize(packet, true));
}
