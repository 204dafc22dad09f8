import { AppError, describeError, toAppError } from "../../base/errors.ts";
import type { ByteStream } from "../../stream/byte_stream.ts";
import { pump } from "../../stream/pump.ts";
import type { AcceptConnection, RejectConnection, ServerChannel } from "../ssh2_adapter.ts";
import { SshChannel } from "./channel.ts";
import type { TcpAddress } from "../../stream/tcp.ts";
import type { ConnectionHandlers } from "./handlers.ts";
import { openForwardedTcp, openForwardedUnix } from "./open_channel.ts";
import { OPEN_FAILURE, refuseChannel } from "./refuse_channel.ts";
import type { Ssh2Connection } from "./ssh2_internals.ts";

/** `details.reason` of what a handler throws that does not allow it, as opposed to what could not be reached. */
export const FORBIDDEN = "forbidden";

/** Options of {@link followForwarding}. */
export interface FollowForwardingOptions {
  readonly handlers: ConnectionHandlers;
  /** What is listened on for this client, by what a cancel names it by; kept here. */
  readonly listeners: Map<string, Disposable>;
  /** Whether one more is too many, besides `opening` that are on their way. */
  isFull(opening: number): boolean;
  /** Aborted when the connection is gone; its listeners go with it. */
  readonly signal: AbortSignal;
  onError(error: unknown): void;
}

/** Serves direct-tcpip, direct-streamlocal@openssh.com and the global requests that open and close remote listeners. */
export function followForwarding(connection: Ssh2Connection, options: FollowForwardingOptions): void {
  const { handlers, signal } = options;
  const { directTcp, directUnix } = handlers;
  if (directTcp) {
    connection.on("tcpip", (accept, reject, { destIP, destPort, srcIP, srcPort }) => {
      const origin = { hostname: srcIP, port: srcPort };
      const dial = () => directTcp.call(handlers, { hostname: destIP, port: destPort }, { origin, signal });
      connect(connection, { accept, reject, dial, onError: options.onError });
    });
  }
  if (directUnix) {
    connection.on("openssh.streamlocal", (accept: AcceptConnection<ServerChannel>, reject: RejectConnection, info) => {
      const dial = () => directUnix.call(handlers, info.socketPath, { signal });
      connect(connection, { accept, reject, dial, onError: options.onError });
    });
  }
  followListeners(connection, options);
}

interface ConnectOptions {
  readonly accept: AcceptConnection<ServerChannel>;
  readonly reject: RejectConnection;
  dial(): Promise<ByteStream>;
  onError(error: unknown): void;
}

/** The channel is confirmed only once the far end is there, so that a refusal reaches the client as a refusal. */
async function connect(connection: Ssh2Connection, { accept, reject, dial, onError }: ConnectOptions): Promise<void> {
  let stream: ByteStream;
  try {
    stream = await dial();
  } catch (error) {
    onError(error);
    const isForbidden = error instanceof AppError && error.details?.reason === FORBIDDEN;
    const reason = isForbidden ? OPEN_FAILURE.administrativelyProhibited : OPEN_FAILURE.connectFailed;
    return refuseChannel(connection, reject, { reason, why: describeError(error) });
  }
  await carry(new SshChannel(accept(), connection), stream);
}

interface ListenRequest {
  /** What a cancel names it by. */
  readonly key: string;
  readonly open: () => Promise<Disposable & { readonly port?: number }>;
}

function followListeners(connection: Ssh2Connection, options: FollowForwardingOptions): void {
  const { signal, onError, listeners, isFull } = options;
  signal.addEventListener("abort", () => {
    for (const listener of listeners.values()) listener[Symbol.dispose]();
    listeners.clear();
  }, { once: true });

  let opening = 0;
  const listen = async ({ key, open }: ListenRequest): Promise<number | undefined> => {
    if (listeners.has(key)) throw toAppError(new Error(`Already listening for ${JSON.stringify(key)}`));
    if (isFull(opening)) throw full();
    opening++;
    try {
      const listener = await open();
      if (signal.aborted) listener[Symbol.dispose]();
      else listeners.set(listener.port === undefined ? key : key.replace(/:0$/, `:${listener.port}`), listener);
      return listener.port;
    } finally {
      opening--;
    }
  };
  const cancel = (key: string): boolean => {
    listeners.get(key)?.[Symbol.dispose]();
    return listeners.delete(key);
  };

  const onRequest = (
    accept: ((port?: number) => void) | undefined,
    reject: (() => void) | undefined,
    name: string,
    info: { bindAddr?: string; bindPort?: number; socketPath?: string },
  ) => {
    const request = listenRequest(connection, { info, options });
    if (!request) return reject?.();
    if (name.startsWith("cancel-")) return cancel(request.key) ? accept?.() : reject?.();
    listen(request).then((port) => accept?.(port), (error) => {
      onError(error);
      reject?.();
    });
  };
  connection.on("request", onRequest);
}

function listenRequest(
  connection: Ssh2Connection,
  { info: { bindAddr, bindPort, socketPath }, options: { handlers, onError } }: {
    info: { bindAddr?: string; bindPort?: number; socketPath?: string };
    options: FollowForwardingOptions;
  },
): ListenRequest | undefined {
  const { listenTcp, listenUnix } = handlers;
  if (socketPath !== undefined && listenUnix) {
    const accept = (stream: ByteStream) => carryBack(stream, openForwardedUnix(connection, socketPath), onError);
    return { key: socketPath, open: () => listenUnix.call(handlers, socketPath, accept) };
  }
  if (bindAddr === undefined || bindPort === undefined || !listenTcp) return undefined;
  const open = async () => {
    const listener = await listenTcp.call(handlers, { hostname: bindAddr, port: bindPort }, (stream, origin) => {
      const bound: TcpAddress = { hostname: bindAddr, port: listener.port };
      carryBack(stream, openForwardedTcp(connection, { bound, origin }), onError);
    });
    return listener;
  };
  return { key: `${bindAddr}:${bindPort}`, open };
}

async function carryBack(
  stream: ByteStream,
  opening: Promise<ByteStream>,
  onError: (error: unknown) => void,
): Promise<void> {
  try {
    await carry(stream, await opening);
  } catch (error) {
    stream[Symbol.dispose]();
    onError(error);
  }
}

/** A side that breaks takes the other one with it; that is how a forwarded connection ends, and no error of the server. */
async function carry(a: ByteStream, b: ByteStream): Promise<void> {
  try {
    await pump(a, b);
  } catch {
    // Both ends are closed by now and have told whoever uses them.
  }
}

function full(): AppError {
  const why = "as many channels and ports are open on this connection as may be";
  return new AppError("protocol", `A port was not listened on: ${why}`, { details: { limit: "--max-channels" } });
}
