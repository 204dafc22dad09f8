import { Buffer } from "node:buffer";
import { type ExchangingProtocol, isOver, type KeyExchange, onHybridChosen } from "./choose_hybrid.ts";
import { answerExchange, hasMlkem768X25519, MLKEM768_X25519 } from "./mlkem768_x25519.ts";
import { changeOffer } from "./offer.ts";

/** SSH_MSG_KEX_ECDH_INIT, RFC 5656 7.1. */
const ECDH_INIT = 30;

/** Options of {@link serveHybrid}. */
export interface ServeHybridOptions {
  /** Ends the connection, for what the client did. */
  onBreach(why: string): void;
}

/**
 * Offers mlkem768x25519-sha256 to the client of `protocol`, before all else: without an exchange of this kind OpenSSH warns at
 * every connection from 10.1 on. Must be called when the client has said what it is, before its first packet.
 */
export function serveHybrid(protocol: ExchangingProtocol, options: ServeHybridOptions): void {
  if (!hasMlkem768X25519()) return;
  changeOffer(protocol, ({ kex }) => ({ kex: [MLKEM768_X25519, ...kex] }));
  onHybridChosen(protocol, (exchange) => answerWhenAsked(exchange, { ...options, protocol }));
}

/** WebCrypto takes a moment, in which the client has nothing to say: it waits for the answer. */
function answerWhenAsked(
  exchange: KeyExchange,
  { protocol, onBreach }: ServeHybridOptions & { readonly protocol: ExchangingProtocol },
): void {
  const parse = exchange.parse.bind(exchange);
  let isAsked = false;
  exchange.parse = (payload) => {
    if (isAsked) return onBreach("A message came while the key exchange was being answered");
    const init = payload[0] === ECDH_INIT ? readString(payload) : undefined;
    if (!init) return parse(payload);
    isAsked = true;
    answerExchange(init).then(({ reply, secret }) => {
      if (isOver(protocol)) return;
      exchange.getPublicKey = () => Buffer.from(reply);
      exchange.convertPublicKey = (key) => key;
      exchange.computeSecret = () => Buffer.from(secret);
      exchange.parse = parse;
      parse(payload);
    }, () => isOver(protocol) || onBreach(`The client's part of ${MLKEM768_X25519} is none`))
      .catch((error) => protocol._onError(error));
  };
}

/** The string behind the message number; undefined when it is cut off. */
function readString(payload: Uint8Array): Uint8Array | undefined {
  if (payload.length < 5) return undefined;
  const length = new DataView(payload.buffer, payload.byteOffset, payload.length).getUint32(1);
  return length > payload.length - 5 ? undefined : payload.subarray(5, 5 + length);
}
