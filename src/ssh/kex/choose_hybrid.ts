import { Buffer } from "node:buffer";
import { KEXINIT, readKexInit, withKex } from "./kexinit.ts";
import { MLKEM768_X25519 } from "./mlkem768_x25519.ts";
import type { Offer } from "./offer.ts";

/** What ssh2 1.17 takes the hybrid exchange for: the messages are the same, what is in them is not. */
const STAND_IN = "curve25519-sha256";

/** ssh2's `Curve25519Exchange`, which the hybrid one is made of. */
export interface KeyExchange {
  negotiated: { kex: string };
  /** As it came: it is hashed. */
  _remoteKexinit: Uint8Array;
  /** Takes each message of the exchange. */
  parse(payload: Uint8Array): unknown;
  /** This side's part of C_INIT and S_REPLY. */
  getPublicKey(): Uint8Array;
  /** The other side's, as it is hashed. */
  convertPublicKey(key: Uint8Array): Uint8Array;
  computeSecret(theirs: Uint8Array): Uint8Array;
}

type PayloadHandler = { _onPayload(payload: Uint8Array): unknown };

/** What is used of ssh2's `Protocol`. It gets every decrypted message but those of a key exchange itself. */
export interface ExchangingProtocol extends PayloadHandler {
  /** What is offered, best first. */
  _offer: Offer;
  /** Before the first key exchange is over: hands out all messages. */
  readonly _decipher: PayloadHandler;
  readonly _kex: KeyExchange | undefined;
  /** Makes it deaf; gone once that was done. */
  _destruct?: (() => void) | undefined;
  /** Tells the connection's "error" and ends our side. */
  _onError(error: Error): void;
}

/** True once the connection has ended, or is about to: nothing can be sent any more. */
export function isOver(protocol: ExchangingProtocol): boolean {
  return protocol._destruct === undefined;
}

/**
 * Calls `adopt` with every key exchange of `protocol`, a server's, for which both sides have chosen the hybrid one: it is a
 * curve25519 exchange until then. Must be called before the first packet has come.
 */
export function onHybridChosen(protocol: ExchangingProtocol, adopt: (exchange: KeyExchange) => void): void {
  for (const target of [protocol._decipher, protocol]) {
    const next = target._onPayload.bind(target);
    target._onPayload = (payload) => {
      if (payload[0] !== KEXINIT || !isChosen(payload, protocol)) return next(payload);
      const { kex } = readKexInit(payload);
      const former = protocol._kex;
      const steered = withKex(payload, kex.map((name) => name === MLKEM768_X25519 ? STAND_IN : name));
      const result = next(Buffer.from(steered.buffer));
      const exchange = protocol._kex;
      // Unless something else in that message was not to be agreed on.
      if (exchange && exchange !== former) {
        exchange._remoteKexinit = payload;
        exchange.negotiated.kex = MLKEM768_X25519;
        adopt(exchange);
      }
      return result;
    };
  }
}

/** RFC 4253 7.1: the first of the client's that the server has too. */
function isChosen(payload: Uint8Array, { _offer: { lists } }: ExchangingProtocol): boolean {
  return readKexInit(payload).kex.find((name) => lists.kex.array.includes(name)) === MLKEM768_X25519;
}
