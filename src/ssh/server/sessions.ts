import type { Session } from "../ssh2_adapter.ts";
import type { ConnectionHandlers } from "./handlers.ts";
import { OPEN_FAILURE, refuseChannel } from "./refuse_channel.ts";
import { observeRequests } from "./request_reader.ts";
import type { ServerSession } from "./session.ts";
import { readSession } from "./session_requests.ts";
import type { Ssh2Connection } from "./ssh2_internals.ts";

/** Options of {@link followSessions}. */
export interface FollowSessionsOptions {
  /** Asked for at each session, since they are known only once the client has logged in. */
  handlers(): ConnectionHandlers;
  /** Open at one time. */
  readonly maxSessions: number;
  onError(error: unknown): void;
}

interface OpenSession {
  readonly peerId: number;
  readonly break: () => boolean;
}

/** Serves the session channels of one connection. Must be called before its key exchange is over. */
export function followSessions(
  connection: Ssh2Connection,
  { handlers, maxSessions, onError }: FollowSessionsOptions,
): void {
  const sessions = new Map<unknown, OpenSession>();
  let modes: ReadonlyMap<number, number> = new Map();
  let command: string | undefined;
  const find = (channel: number) => sessions.get(connection._chanMgr.get(channel));
  observeRequests(connection._protocol, {
    observer: {
      // Told right before ssh2 tells of the same request.
      ptyModes: (_channel, given) => modes = given,
      command: (_channel, given) => command = given,
      break: (channel) => find(channel)?.break() ?? false,
    },
    peerChannel: (channel) => find(channel)?.peerId,
  });
  connection.on("session", (accept, reject) => {
    if (sessions.size >= maxSessions) {
      const why = `${maxSessions} sessions are open on this connection already`;
      return refuseChannel(connection, reject, { reason: OPEN_FAILURE.resourceShortage, why });
    }
    if (handlers().allow?.({ kind: "session" }) === false) {
      const why = "no session is allowed";
      return refuseChannel(connection, reject, { reason: OPEN_FAILURE.administrativelyProhibited, why });
    }
    const raw: Session = accept();
    raw.on("close", () => sessions.delete(raw));
    const reader = readSession(raw, {
      connection,
      handlers: handlers(),
      takeModes: () => modes,
      takeCommand: () => command,
      start: (session) => void run(session, { handlers: handlers(), onError }),
    });
    sessions.set(raw, reader);
  });
}

/** A session that fails is closed; the connection and its other sessions go on. */
async function run(
  session: ServerSession,
  { handlers, onError }: { handlers: ConnectionHandlers; onError(error: unknown): void },
): Promise<void> {
  try {
    await handlers.session?.(session);
  } catch (error) {
    if (!session.closed.aborted) onError(error);
  } finally {
    session.exit(255);
  }
}
