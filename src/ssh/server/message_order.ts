import { AppError } from "../../base/errors.ts";
import { DISCONNECT, sayDisconnect } from "./disconnect.ts";
import { OPEN_FAILURE } from "./refuse_channel.ts";
import type { Ssh2Connection } from "./ssh2_internals.ts";

/** RFC 4250 4.1. */
const MSG = {
  disconnect: 1,
  debug: 4,
  serviceRequest: 5,
  serviceAccept: 6,
  extInfo: 7,
  kexInit: 20,
  userauthRequest: 50,
  userauthFailure: 51,
  userauthBanner: 53,
  infoRequest: 60,
  infoResponse: 61,
  channelOpen: 90,
} as const;

const USERAUTH = "ssh-userauth";

/** Options of {@link keepMessageOrder}. */
export interface MessageOrderOptions {
  /** Whether clients are asked questions while they log in (RFC 4256), and so have to answer. */
  readonly asksQuestions: boolean;
  /** Channels, and ports listened on for `-R`, that one connection may have. */
  readonly maxChannels: number;
  /** Ports and sockets that are listened on for the client. */
  listenerCount(): number;
  onError(error: unknown): void;
}

/**
 * Ends the connection of a client that says what is not for it to say, or not yet (RFC 4252 6): anything but a log-in
 * before it has logged in, new keys among it, and what is the server's to say at any time. ssh2 takes much of that, and
 * does work for it. Refuses channels above the limit too.
 *
 * Must be called when the client has said what it is, before its first packet.
 */
export function keepMessageOrder(connection: Ssh2Connection, options: MessageOrderOptions): void {
  const { _protocol: protocol } = connection;
  const next = protocol._onPayload;
  let hasService = false;
  let mayAskForService = true;
  protocol._onPayload = (payload) => {
    const type = payload[0] ?? 0;
    if (connection.authenticated) {
      // RFC 4252 5.3: what was asked for before the answer was known.
      if (type === MSG.userauthRequest) return undefined;
      if (isServersToSay(type) || type === MSG.infoResponse) return endForBreach(connection, outOfTurn(type));
      if (type === MSG.channelOpen && isFull(connection, options)) {
        return refuseAboveLimit(connection, payload, options);
      }
      return next(payload);
    }
    if (type === MSG.serviceRequest) {
      if (!mayAskForService) return endForBreach(connection, outOfTurn(type));
      mayAskForService = false;
      // paramiko asks before each attempt, for which ssh2 would send it away.
      if (hasService && serviceOf(payload) === USERAUTH) return protocol.serviceAccept(USERAUTH);
      hasService = true;
    }
    if (type === MSG.userauthRequest) mayAskForService = true;
    const isForLogin = type === MSG.userauthRequest || (type === MSG.infoResponse && options.asksQuestions);
    if ((isForLogin && hasService) || isForTransport(type)) return next(payload);
    return endForBreach(connection, outOfTurn(type));
  };
}

/** RFC 4253 10. */
function serviceOf(payload: Uint8Array): string {
  return new TextDecoder().decode(payload.subarray(5));
}

/** Tells the client that it broke the protocol and closes; nothing more of it is looked at. */
export function endForBreach(connection: Ssh2Connection, why: string): number {
  const { _protocol: protocol } = connection;
  sayDisconnect(connection, { reason: DISCONNECT.protocolError, why });
  protocol._destruct?.();
  protocol._onError(new AppError("protocol", why));
  // Behind all that ssh2 has at hand.
  return Infinity;
}

/** Before the log-in a client of ours, or OpenSSH's, never asks for new keys; each costs milliseconds of all others. */
function isForTransport(type: number): boolean {
  return (type >= MSG.disconnect && type <= MSG.debug) || type === MSG.serviceRequest || type === MSG.extInfo;
}

function isServersToSay(type: number): boolean {
  return type === MSG.serviceAccept || type === MSG.infoRequest ||
    (type >= MSG.userauthFailure && type <= MSG.userauthBanner);
}

function isFull({ _chanMgr: channels }: Ssh2Connection, { maxChannels, listenerCount }: MessageOrderOptions): boolean {
  return channels._count + listenerCount() >= maxChannels;
}

function refuseAboveLimit(
  { _protocol: protocol }: Ssh2Connection,
  payload: Uint8Array,
  { maxChannels, onError }: MessageOrderOptions,
): undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const senderAt = payload.length < 5 ? Infinity : 5 + view.getUint32(1);
  // Cut off: ssh2 would end the connection for it, and here nothing more comes of it either.
  if (senderAt + 4 > payload.length) return undefined;
  const why = `${maxChannels} channels are open on this connection already`;
  protocol.channelOpenFail(view.getUint32(senderAt), OPEN_FAILURE.resourceShortage, why);
  onError(new AppError("protocol", `A channel was refused: ${why}`, { details: { limit: "--max-channels" } }));
}

function outOfTurn(type: number): string {
  return `The client sent message ${type} out of turn`;
}
