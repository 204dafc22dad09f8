import { sleep } from "../../base/abort.ts";
import type { ClientChannel, StreamDuplex } from "../ssh2_adapter.ts";
import { type ByteReader, type ByteWriter, readFrom, writeTo } from "./channel_stream.ts";

/** How long a command may take to obey TERM before it is sent KILL. */
const TERM_GRACE_MS = 500;
/** How long KILL may take to show; after that the channel is closed whatever the far end does. */
const KILL_GRACE_MS = 300;
/** How long the other way may take, which is a command of its own on a host that may be busy. */
const OTHERWISE_GRACE_MS = 3000;

/** How a remote command ended (RFC 4254 6.10). Both null: the connection went away before the far end said. */
export interface RemoteExit {
  readonly code: number | null;
  /** `SIGTERM`. */
  readonly signal: string | null;
}

/** A command that runs on the far end. stdout and stderr must both be read, or discarded, for it to end. */
export interface RemoteCommand extends Disposable {
  readonly stdin: ByteWriter;
  readonly stdout: ByteReader;
  readonly stderr: ByteReader;
  /** Resolves once the channel is closed; never rejects. */
  readonly exit: Promise<RemoteExit>;
  /** Asks for a signal by its name without `SIG` (RFC 4254 6.9). Dropbear and old sshd ignore it. */
  signal(name: string): void;
  /** TERM, KILL, another way, then closes the channel: resolves in 5 s at most, the command gone or given up. */
  cancel(): Promise<void>;
}

/** What a command needs besides its channel. */
export interface RemoteCommandParts {
  readonly transport: StreamDuplex;
  /** Ends the command in another way than by a signal request, where the server obeys none. */
  readonly killOtherwise: () => Promise<void>;
}

/** The command that was started on `channel`, which it owns. */
export function remoteCommand(
  channel: ClientChannel,
  { transport, killOtherwise }: RemoteCommandParts,
): RemoteCommand {
  let exit: RemoteExit = { code: null, signal: null };
  const stdout = readFrom(channel);
  const stderr = readFrom(channel.stderr);
  const ended = Promise.withResolvers<RemoteExit>();
  let isClosed = false;
  channel.on("exit", (code: number | null, signal?: string) => {
    exit = { code, signal: signal ?? null };
  });
  channel.on("close", () => {
    isClosed = true;
    ended.resolve(exit);
  });
  const close = () => {
    stdout.discard();
    stderr.discard();
    channel.close();
    // A far end that hangs never answers the close: nobody may wait for it.
    ended.resolve(exit);
  };
  return {
    stdin: writeTo(channel, transport),
    stdout,
    stderr,
    exit: ended.promise,
    signal(name) {
      if (!isClosed) sendSignal(channel, name);
    },
    async cancel() {
      stdout.discard();
      stderr.discard();
      for (const [name, graceMs] of [["TERM", TERM_GRACE_MS], ["KILL", KILL_GRACE_MS]] as const) {
        if (isClosed) return;
        sendSignal(channel, name);
        if (await endsWithin(ended.promise, graceMs)) return;
      }
      await endsWithin(killOtherwise(), OTHERWISE_GRACE_MS);
      await endsWithin(ended.promise, KILL_GRACE_MS);
      close();
    },
    [Symbol.dispose]: close,
  };
}

/** What of ssh2's inside {@link sendSignal} needs. */
interface ChannelInside {
  readonly outgoing: { readonly id: number; readonly state: string };
  readonly _client: { readonly _protocol: { signal(channelId: number, name: string): void } };
}

/** ssh2's own `signal` sends nothing once our side said EOF, though a request is no data (RFC 4254 5.3). */
function sendSignal(channel: ClientChannel, name: string): void {
  const { outgoing, _client } = channel as unknown as ChannelInside;
  if (outgoing.state === "open" || outgoing.state === "eof") _client._protocol.signal(outgoing.id, name);
}

async function endsWithin(ended: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const slept = sleep(ms, timer.signal).then(() => false, () => true);
  const isEnded = await Promise.race([ended.then(() => true, () => true), slept]);
  timer.abort();
  return isEnded;
}
