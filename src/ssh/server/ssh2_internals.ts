/**
 * What the server uses of ssh2 1.17 beyond its public interface, named in one place.
 *
 * Its Channel cannot wait for the transport, mixes up stdout and stderr when both wait for the window, and drops what
 * is written after a close without a word; hence {@link ../channel.ts}, which speaks to the protocol object itself.
 */
import type { ExchangingProtocol } from "../kex/choose_hybrid.ts";
import type { Connection, ServerChannel, Session, StreamDuplex } from "../ssh2_adapter.ts";

/** One direction of a channel as ssh2 counts it. */
export interface Ssh2ChannelSide {
  readonly id: number;
  window: number;
  readonly packetSize: number;
  state: "open" | "eof" | "closing" | "closed";
}

/** The messages that a server sends on channels (RFC 4254), and what decides about its key exchanges. */
export interface Ssh2Protocol extends ExchangingProtocol {
  channelData(id: number, data: Uint8Array): void;
  channelExtData(id: number, data: Uint8Array, type: number): void;
  channelWindowAdjust(id: number, bytes: number): void;
  channelOpenConfirm(peerId: number, id: number, window: number, maxPacket: number): void;
  channelSuccess(id: number): void;
  channelFailure(id: number): void;
  exitStatus(id: number, status: number): void;
  exitSignal(id: number, name: string, coreDumped: boolean, message: string): void;
  openssh_authAgent(id: number, initialWindow: number, maxPacket: number): void;
  /** Makes packets, and encrypts and sends them. */
  readonly _packetRW: {
    readonly write: {
      readonly allocStartKEX: number;
      alloc(length: number, isForKex: boolean): Uint8Array;
      finalize(packet: Uint8Array, isForKex: boolean): Uint8Array;
    };
  };
  readonly _cipher: { encrypt(packet: Uint8Array): void };
  serviceAccept(name: string): void;
  channelOpenFail(peerId: number, reason: number, description: string): void;
  /** Set while a key exchange is under way; packets then queue up without end. */
  readonly _kexinit: unknown;
  /** Set when the client's guess was wrong: its next packet is dropped. */
  _skipNextInboundPacket: boolean;
}

/** ssh2's own record of one open channel. */
export interface Ssh2Channel extends Omit<ServerChannel, "push"> {
  readonly incoming: Ssh2ChannelSide;
  readonly outgoing: Ssh2ChannelSide;
  /** Set to be woken by the next window adjustment, which calls `_chunkcb`. */
  _waitWindow: boolean;
  _chunkcb: (() => void) | undefined;
  push(data: Uint8Array | null): boolean;
  eof(): void;
}

type ChannelOpened = ((error: Error | undefined, channel: ServerChannel) => void) & { type?: string };

/** ssh2's connection on the server's side. */
export interface Ssh2Connection extends Connection {
  readonly _protocol: Ssh2Protocol;
  readonly _sock: StreamDuplex;
  readonly _chanMgr: { add(opened: ChannelOpened): number; get(id: number): unknown; readonly _count: number };
  readonly authenticated: boolean;
}

/** ssh2's session: the channel before anything runs in it. */
export interface Ssh2Session extends Session {
  /** ssh2 sets this at EOF of the client and then refuses signals and window changes, for no reason in RFC 4254. */
  _ending: boolean;
  readonly _chanInfo: { readonly outgoing: Ssh2ChannelSide };
}

/** The private face of a connection. */
export function internals(connection: Connection): Ssh2Connection {
  return connection as Ssh2Connection;
}

/** The private face of a channel. */
export function channelInternals(channel: ServerChannel): Ssh2Channel {
  return channel as unknown as Ssh2Channel;
}
