import { KEXINIT, readKexInit } from "../kex/kexinit.ts";
import type { Offer } from "../kex/offer.ts";
import type { Ssh2Protocol } from "./ssh2_internals.ts";

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

/** RFC 4253 7: right when both sides prefer the same key exchange and the same host key algorithm. */
function isRightGuess(payload: Uint8Array, { kex, serverHostKey }: Offer["lists"]): boolean {
  const theirs = readKexInit(payload);
  const isSame = theirs.kex[0] === kex.array[0] && theirs.serverHostKey[0] === serverHostKey.array[0];
  return theirs.isGuessing && isSame;
}
