import type { Ssh2Protocol } from "./ssh2_internals.ts";

/** SSH_MSG_KEXINIT, RFC 4253 7.1. */
const KEXINIT = 20;
/** Behind the message number: a cookie of 16 bytes. */
const LISTS_AT = 17;
const LIST_COUNT = 10;

/**
 * Lets clients guess the key exchange (RFC 4253 7), as dropbear's does: ssh2 1.17 compares its guess with the first
 * letter of the algorithm's name, drops the packet that was right, and both sides wait for ever.
 *
 * Must be called when the client has said what it is, before its first packet.
 */
export function acceptRightGuesses(protocol: Ssh2Protocol): void {
  const decipher = protocol._decipher;
  for (const target of [decipher, protocol]) {
    const next = target._onPayload.bind(target);
    target._onPayload = (payload) => {
      if (payload[0] !== KEXINIT) return next(payload);
      const isRight = isRightGuess(payload, protocol._offer.lists);
      const result = next(payload);
      if (isRight) protocol._skipNextInboundPacket = false;
      return result;
    };
  }
}

interface Offer {
  readonly kex: { readonly array: readonly string[] };
  readonly serverHostKey: { readonly array: readonly string[] };
}

/** RFC 4253 7: right when both sides prefer the same key exchange and the same host key algorithm. */
function isRightGuess(payload: Uint8Array, { kex, serverHostKey }: Offer): boolean {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const firsts: string[] = [];
  let at = LISTS_AT;
  for (let list = 0; list < LIST_COUNT && at + 4 <= payload.length; list++) {
    const length = view.getUint32(at);
    const names = new TextDecoder().decode(payload.subarray(at + 4, at + 4 + length));
    firsts.push(names.split(",", 1)[0] ?? "");
    at += 4 + length;
  }
  return payload[at] === 1 && firsts[0] === kex.array[0] && firsts[1] === serverHostKey.array[0];
}
