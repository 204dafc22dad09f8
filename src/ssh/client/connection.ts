import { orAbort } from "../../base/abort.ts";
import { AppError } from "../../base/errors.ts";
import { oneLine } from "../../base/printable.ts";
import type { ByteStream } from "../../stream/byte_stream.ts";
import type { Client, ClientChannel, StreamDuplex } from "../ssh2_adapter.ts";
import { channelStream } from "./channel_stream.ts";
import { endOnce } from "./end_once.ts";
import { bytesOnTheWay, widenWindow } from "./widen_window.ts";
import { type RemoteCommand, remoteCommand } from "./remote_command.ts";

/** How long a polite close waits for what was written to leave and for the far end to hang up. */
const CLOSE_GRACE_MS = 300;

/** Ends the process groups of all sessions of the connection that runs it, but its own. */
const KILL_SIBLINGS = `ps -A -o pid= -o ppid= 2>/dev/null | while read -r pid parent; do ` +
  `if [ "$parent" = "$PPID" ] && [ "$pid" != "$$" ]; then kill -s KILL -- "-$pid"; fi; done`;

/** What every request over a connection takes. */
export interface ChannelOptions {
  readonly signal?: AbortSignal | undefined;
}

interface RequestOptions<T> extends ChannelOptions {
  readonly explain: (error: Error) => AppError;
  readonly wrap: (channel: ClientChannel) => T;
}

/** One authenticated SSH connection. Any number of channels at once; disposing it ends them all. */
export interface SshConnection extends AsyncDisposable, Disposable {
  /** What the server calls itself: `OpenSSH_9.2p1`. Printable. */
  readonly serverSoftware: string;
  /** True once it is of no more use. */
  readonly isClosed: boolean;
  /** Resolves when the connection is gone, with the error that broke it if one did. Never rejects. */
  readonly closed: Promise<AppError | undefined>;
  /** Starts a command line in the user's shell, without a PTY. @throws AppError `tunnel_closed`, `protocol`. */
  exec(commandLine: string, options?: ChannelOptions): Promise<RemoteCommand>;
  /** A TCP connection made by the far end (direct-tcpip, RFC 4254 7.2). @throws AppError `dial_failed`. */
  openTcp(to: { readonly host: string; readonly port: number }, options?: ChannelOptions): Promise<ByteStream>;
  /** A subsystem such as `sftp`, its raw bytes. @throws AppError `protocol` when the server has none of that name. */
  openSubsystem(name: string, options?: ChannelOptions): Promise<ByteStream>;
  /** Says goodbye; resolves when the connection is gone, after 0.3 s at most. */
  close(): Promise<void>;
}

/** The connection of a `client` that is ready, over `transport`. Owns both. */
export function sshConnection(
  client: Client,
  { transport, serverSoftware }: { transport: StreamDuplex; serverSoftware: string },
): SshConnection {
  let isClosed = false;
  let running = 0;
  let broken: AppError | undefined;
  const gone = Promise.withResolvers<AppError | undefined>();
  // Stays attached for good: an "error" without a listener would end the process.
  client.on("error", (error: Error) => broken ??= asTunnelError(error));
  client.on("close", () => {
    isClosed = true;
    gone.resolve(broken);
  });

  /**
   * Runs one of ssh2's requests; a channel that comes after the caller gave up is closed. `wrap` is called at once: what
   * comes right behind the answer, an exit status even, would find nobody listening a moment later.
   */
  const request = async <T>(
    start: (done: (error: Error | undefined, channel: ClientChannel) => void) => void,
    { signal, explain, wrap }: RequestOptions<T>,
  ): Promise<T> => {
    signal?.throwIfAborted();
    if (isClosed) throw broken ?? new AppError("tunnel_closed", "The SSH connection is closed");
    let isAbandoned = false;
    const opened = new Promise<T>((resolve, reject) => {
      start((error, channel) => {
        if (error) reject(isClosed ? broken ?? asTunnelError(error) : explain(error));
        else if (isAbandoned) channel.close();
        else {
          endOnce(channel);
          resolve(wrap(channel));
        }
      });
    });
    try {
      return await orAbort(opened, signal);
    } catch (error) {
      isAbandoned = true;
      throw error;
    }
  };

  /**
   * sshd obeys no signal request of root (session.c, "session signalling requires privilege separation"). Its session
   * process is the parent of our commands alone, so another command can end them; not where it would end a stranger's.
   */
  const killOtherwise = async () => {
    if (running !== 1 || isClosed || !serverSoftware.startsWith("OpenSSH")) return;
    const ended = Promise.withResolvers<void>();
    await request((done) => client.exec(KILL_SIBLINGS, done), {
      explain: execRefused,
      wrap(channel) {
        channel.once("close", () => ended.resolve()).resume().end();
        channel.stderr.resume();
      },
    });
    await ended.promise;
  };

  const dispose = () => {
    isClosed = true;
    client.destroy();
    transport.destroy();
    gone.resolve(broken);
  };

  return {
    serverSoftware,
    get isClosed() {
      return isClosed;
    },
    closed: gone.promise,
    exec: (commandLine, { signal } = {}) =>
      request((done) => client.exec(commandLine, done), {
        signal,
        explain: execRefused,
        wrap(channel) {
          running++;
          channel.once("close", () => running--);
          return remoteCommand(channel, { transport, killOtherwise });
        },
      }),
    openTcp: ({ host, port }, { signal } = {}) =>
      request((done) => client.forwardOut("127.0.0.1", 0, host, port, done), {
        signal,
        explain: (error) => tcpRefused(error, { host, port }),
        wrap: (channel) => channelStream(channel, transport),
      }),
    openSubsystem(name, { signal } = {}) {
      const askedAt = performance.now();
      return request((done) => client.subsys(name, done), {
        signal,
        wrap(channel) {
          // The channel and then the subsystem: two round trips.
          widenWindow(channel, bytesOnTheWay((performance.now() - askedAt) / 2));
          return channelStream(channel, transport);
        },
        explain: (error) =>
          new AppError("protocol", `The server has no ${JSON.stringify(name)} subsystem: ${oneLine(error.message)}`, {
            cause: error,
          }),
      });
    },
    async close() {
      if (isClosed) return dispose();
      client.end();
      const timer = setTimeout(dispose, CLOSE_GRACE_MS);
      await gone.promise;
      clearTimeout(timer);
      dispose();
    },
    [Symbol.dispose]: dispose,
    async [Symbol.asyncDispose]() {
      await this.close();
    },
  };
}

function execRefused(error: Error): AppError {
  // RFC 4254 5.1: there is a reason where the channel was refused, not what it was opened for.
  const details = "reason" in error ? { reason: "channel_refused" } : {};
  return new AppError("protocol", `The server did not start the command: ${oneLine(error.message)}`, {
    cause: error,
    details,
  });
}

function tcpRefused(error: Error, { host, port }: { host: string; port: number }): AppError {
  return new AppError(
    "dial_failed",
    `The jump host could not reach ${JSON.stringify(`${host}:${port}`)}: ${oneLine(error.message)}`,
    { hint: "See whether the jump host may forward TCP (AllowTcpForwarding) and reaches that port", cause: error },
  );
}

function asTunnelError(error: Error): AppError {
  return new AppError("tunnel_closed", `The SSH connection broke: ${oneLine(error.message)}`, { cause: error });
}
