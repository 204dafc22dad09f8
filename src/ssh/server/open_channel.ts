import { AppError } from "../../base/errors.ts";
import type { ByteStream } from "../../stream/byte_stream.ts";
import type { ServerChannel } from "../ssh2_adapter.ts";
import { SshChannel } from "./channel.ts";
import type { TcpAddress } from "../../stream/tcp.ts";
import type { Ssh2Connection } from "./ssh2_internals.ts";

/** Window and packet size that are announced, as ssh2 does for the channels that it opens itself. */
const WINDOW_BYTES = 2 * 1024 * 1024;
const PACKET_BYTES = 32 * 1024;

/** Opens a channel to the client for a connection that came in on a port it listens on (RFC 4254 7.2). */
export function openForwardedTcp(
  connection: Ssh2Connection,
  { bound, origin }: { bound: TcpAddress; origin: TcpAddress },
): Promise<ByteStream> {
  return opened(connection, (done) => {
    connection.forwardOut(bound.hostname, bound.port, origin.hostname, origin.port, done);
  });
}

/** As {@link openForwardedTcp}, for a unix socket. */
export function openForwardedUnix(connection: Ssh2Connection, path: string): Promise<ByteStream> {
  return opened(connection, (done) => connection.openssh_forwardOutStreamLocal(path, done));
}

/** Opens a channel to the client's key agent (draft-miller-ssh-agent); ssh2 can answer these but not ask. */
export function openAgentChannel(connection: Ssh2Connection): Promise<ByteStream> {
  return opened(connection, (done) => {
    const id = connection._chanMgr.add(Object.assign(done, { type: "auth-agent@openssh.com" }));
    if (id === -1) throw new AppError("protocol", "No channel number is free");
    connection._protocol.openssh_authAgent(id, WINDOW_BYTES, PACKET_BYTES);
  });
}

type Done = (error: Error | undefined, channel: ServerChannel) => void;

function opened(connection: Ssh2Connection, open: (done: Done) => void): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    open((error, channel) => {
      if (error) reject(new AppError("dial_failed", "The client refused to open a channel", { cause: error }));
      // At once: what the client sends in the same packet must find its reader.
      else resolve(new SshChannel(channel, connection));
    });
  });
}
