import { Buffer } from "node:buffer";
import { decodePath } from "../sftp/byte_path.ts";
import type { Ssh2Protocol } from "./ssh2_internals.ts";

/** SSH_MSG_CHANNEL_REQUEST, RFC 4254 5.4. */
const CHANNEL_REQUEST = 98;
/** TTY_OP_END, RFC 4254 8. */
const TTY_OP_END = 0;
/** Opcodes from here on have no argument that we could know the size of (RFC 4254 8). */
const FIRST_UNDEFINED_OPCODE = 160;

/** What ssh2 does not tell of a client's channel requests. */
export interface RequestObserver {
  /** The terminal modes of the pty-req that ssh2 is about to report. */
  ptyModes(channel: number, modes: ReadonlyMap<number, number>): void;
  /** The command of the exec that ssh2 is about to report; bytes that are not UTF-8 as `decodePath` has them. */
  command(channel: number, command: string): void;
  /** RFC 4335. Returns whether the request is granted. */
  break(channel: number): boolean;
}

/**
 * Looks at channel requests before ssh2 does: it reads terminal modes from the wrong byte on (always none, and some
 * clients' modes as a malformed packet, which ends the connection), makes other bytes of a command that is not UTF-8,
 * and knows no `break`.
 */
export function observeRequests(
  protocol: Ssh2Protocol,
  { observer, peerChannel }: { observer: RequestObserver; peerChannel: (channel: number) => number | undefined },
): void {
  const next = protocol._onPayload;
  protocol._onPayload = (payload) => {
    if (payload[0] !== CHANNEL_REQUEST) return next(payload);
    const request = parseRequest(payload);
    if (request?.type === "pty-req") takeModes(payload, request, observer);
    if (request?.type === "exec") takeCommand(payload, request, observer);
    if (request?.type !== "break") return next(payload);
    const granted = observer.break(request.channel);
    const peer = peerChannel(request.channel);
    if (!request.wantsReply || peer === undefined) return undefined;
    if (granted) protocol.channelSuccess(peer);
    else protocol.channelFailure(peer);
    return undefined;
  };
}

interface ChannelRequest {
  readonly channel: number;
  readonly type: string;
  readonly wantsReply: boolean;
  /** Where the type's own fields begin. */
  readonly at: number;
}

function parseRequest(payload: Uint8Array): ChannelRequest | undefined {
  const view = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  if (view.length < 10) return undefined;
  const end = 9 + view.readUInt32BE(5);
  if (end >= view.length) return undefined;
  return {
    channel: view.readUInt32BE(1),
    type: view.toString("latin1", 9, end),
    wantsReply: view[end] !== 0,
    at: end + 1,
  };
}

function takeModes(payload: Uint8Array, { channel, at }: ChannelRequest, observer: RequestObserver): void {
  const view = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  if (at + 4 > view.length) return;
  const modesAt = at + 4 + view.readUInt32BE(at) + 16;
  if (modesAt + 4 > view.length) return;
  const begin = modesAt + 4;
  const end = begin + view.readUInt32BE(modesAt);
  if (end > view.length) return;
  observer.ptyModes(channel, parseModes(view.subarray(begin, end)));
  // ssh2 begins at the second byte: an end there keeps it from tripping over the rest.
  if (begin + 1 < end) view[begin + 1] = TTY_OP_END;
}

function takeCommand(payload: Uint8Array, { channel, at }: ChannelRequest, observer: RequestObserver): void {
  if (at + 4 > payload.length) return;
  const begin = at + 4;
  const length = new DataView(payload.buffer, payload.byteOffset).getUint32(at);
  observer.command(channel, decodePath(payload.subarray(begin, begin + length)));
}

/** RFC 4254 8: pairs of opcode and value up to the end or to the first opcode that is not defined. */
export function parseModes(encoded: Uint8Array): Map<number, number> {
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.length);
  const modes = new Map<number, number>();
  for (let at = 0; at + 5 <= view.byteLength; at += 5) {
    const opcode = view.getUint8(at);
    if (opcode === TTY_OP_END || opcode >= FIRST_UNDEFINED_OPCODE) break;
    modes.set(opcode, view.getUint32(at + 1));
  }
  return modes;
}
