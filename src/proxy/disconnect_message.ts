import { VERSION } from "../base/version.ts";

const SSH_MSG_DISCONNECT = 1;
const SERVICE_NOT_AVAILABLE = 7;
/** RFC 4253 6: without a cipher, packets are multiples of it. */
const BLOCK_BYTES = 8;
const MIN_PADDING_BYTES = 4;
const HEADER_BYTES = 5;

/**
 * What an SSH server says that goes away at once (RFC 4253 4.2, 6, 11.1): its version and, in the clear, a disconnect
 * with `description`, which SSH clients show.
 */
export function disconnectMessage(description: string): Uint8Array {
  const encoder = new TextEncoder();
  const text = encoder.encode(description);
  const payloadBytes = 1 + 4 + 4 + text.length + 4;
  const unpadded = HEADER_BYTES + payloadBytes + MIN_PADDING_BYTES;
  const packet = new Uint8Array(Math.ceil(unpadded / BLOCK_BYTES) * BLOCK_BYTES);
  const view = new DataView(packet.buffer);
  view.setUint32(0, packet.length - 4);
  view.setUint8(4, packet.length - HEADER_BYTES - payloadBytes);
  view.setUint8(5, SSH_MSG_DISCONNECT);
  view.setUint32(6, SERVICE_NOT_AVAILABLE);
  view.setUint32(10, text.length);
  packet.set(text, 14);
  const version = encoder.encode(`SSH-2.0-porthole_${VERSION}\r\n`);
  const message = new Uint8Array(version.length + packet.length);
  message.set(version);
  message.set(packet, version.length);
  return message;
}

/** True where stderr is the null device: ssh with ControlPersist gives its ProxyCommand no other. */
export function isStderrDiscarded(): boolean {
  if (Deno.build.os === "windows") return false;
  try {
    const [stderr, nothing] = [Deno.statSync("/dev/fd/2"), Deno.statSync("/dev/null")];
    return stderr.isCharDevice === true && stderr.rdev === nothing.rdev;
  } catch {
    // No /dev that tells: taken for somewhere that people look at.
    return false;
  }
}
