import { AppError, describeError } from "../base/errors.ts";
import type { Environment } from "../base/home.ts";
import { PROTOCOL_VERSION, VERSION } from "../base/version.ts";
import type { AuthAttempt } from "../ssh/server/authentication.ts";
import type { SshConnection } from "../ssh/server/connection.ts";
import type { ConnectionHandlers, Permission } from "../ssh/server/handlers.ts";
import { createSshServer, DEFAULT_LIMITS, type SshServer } from "../ssh/server/server.ts";
import type { ServerSession } from "../ssh/server/session.ts";
import { DEFAULT_HOLD_LIMITS, ResumeSessions } from "../stream/resume/server.ts";
import type { TcpAddress } from "../stream/tcp.ts";
import type { Account } from "./account.ts";
import { type AuthorizedKey, findAuthorizedKey, type KeyRestrictions } from "./authorized_keys.ts";
import { forwarding } from "./forwarding.ts";
import { serveFront } from "./front.ts";
import type { HostKey } from "./host_key.ts";
import { Door } from "./door.ts";
import { LimitNotices } from "./limit_notices.ts";
import { acceptsEnv } from "./session_env.ts";
import { SessionRoom } from "./sessions/session_room.ts";

/** What the agent may spend on clients. */
export interface AgentLimits {
  readonly maxSessions: number;
  readonly maxAuthTries: number;
  readonly loginTimeoutMs: number;
  /** Connections that have not logged in, probes included; for one more the one that has come least far is closed (compare sshd's MaxStartups). */
  readonly maxUnauthenticated: number;
  /** Channels of all kinds, and ports listened on, of one connection. */
  readonly maxChannels: number;
  /** Failed log-ins from one address within a minute, before it is shut out for the rest of it; 0 for no limit. */
  readonly maxFailedLogins: number;
  /** How long a session waits for a client whose connection is gone; 0 gives it up at once. */
  readonly resumeForMs: number;
  /** Sessions that wait so at one time. */
  readonly maxHeld: number;
}

/** sshd's numbers where it has them. */
export const DEFAULT_AGENT_LIMITS: AgentLimits = {
  maxSessions: 512,
  maxAuthTries: 6,
  loginTimeoutMs: 120_000,
  maxUnauthenticated: 100,
  maxChannels: DEFAULT_LIMITS.maxChannels,
  maxFailedLogins: 30,
  resumeForMs: DEFAULT_HOLD_LIMITS.holdMs,
  maxHeld: DEFAULT_HOLD_LIMITS.maxHeld,
};

/** What {@link startAgent} needs. */
export interface AgentOptions {
  readonly listen: TcpAddress;
  readonly hostKey: HostKey;
  readonly keys: readonly AuthorizedKey[];
  readonly account: Account;
  readonly env: Environment;
  readonly cwd: string;
  /** Patterns of variables that clients may set besides `LANG`, `LC_*` and `TERM`. */
  readonly acceptEnv?: readonly string[];
  readonly run?: string | undefined;
  readonly action?: string | undefined;
  readonly user?: string | undefined;
  readonly limits?: Partial<AgentLimits>;
  /** Headers in which the ingress says who is logged in; a session is given back to the same values only. */
  readonly identityHeaders?: readonly string[];
  /** The header in which the ingress tells a client's address; without it those behind an ingress are not told apart. */
  readonly addressHeader?: string | undefined;
  /** How many clients are logged in, whenever that changes. */
  onClients?(count: number): void;
  /** One line about what went wrong with a client; no secret in it. */
  onNotice?(line: string): void;
  /** One line about a limit that was reached, seldom enough for any log; `onNotice` otherwise. */
  onLimit?(line: string): void;
  readonly headTimeoutMs?: number;
}

/** An agent that listens. */
export interface RunningAgent {
  readonly address: TcpAddress;
  /** Clients that are logged in. */
  readonly connectionCount: number;
  /** Clients whose connection is gone and whose session waits for them. */
  readonly heldCount: number;
  readonly room: SessionRoom;
  /** Tells the sessions `why`, hangs them up and closes everything; takes at most five seconds. */
  close(why: string): Promise<void>;
}

/** Listens and serves until closed. @throws Deno.errors.AddrInUse and its like. */
export function startAgent(options: AgentOptions): RunningAgent {
  const limits = { ...DEFAULT_AGENT_LIMITS, ...options.limits };
  const listener = Deno.listen({ hostname: options.listen.hostname, port: options.listen.port });
  const local = listener.addr as Deno.NetAddr;
  const room = new SessionRoom({ ...options, local, maxSessions: limits.maxSessions });
  const notices = new LimitNotices((line) => (options.onLimit ?? options.onNotice)?.(line));
  const door = new Door({ ...limits, notices });
  const server = sshServer(options, { room, limits, door, notices });
  const clients = new Set<SshConnection>();
  room.onClient = (connection) => {
    clients.add(connection);
    door.loggedIn(connection);
    options.onClients?.(clients.size);
    connection.gone.addEventListener("abort", () => {
      clients.delete(connection);
      options.onClients?.(clients.size);
    }, { once: true });
  };
  const sessions = limits.resumeForMs > 0
    ? new ResumeSessions({
      holdMs: limits.resumeForMs,
      maxHeld: limits.maxHeld,
      onNotice: (line) => options.onNotice?.(line),
      onLimit: (line) => notices.add("--max-held", line),
    })
    : undefined;
  const front = serveFront(listener, {
    describe: () => describe(options),
    accept(stream, arrival) {
      const { remote, isResumable } = arrival;
      door.arrived(server.accept(stream, { remote, outageMs: isResumable ? limits.resumeForMs : 0 }), arrival);
    },
    sessions,
    identityHeaders: options.identityHeaders ?? [],
    addressHeader: options.addressHeader,
    waiting: door.waiting,
    shutOutForMs: (address) => door.failedLogins.shutOutForMs(address),
    ...(options.headTimeoutMs === undefined ? {} : { headTimeoutMs: options.headTimeoutMs }),
  });
  return {
    address: { hostname: local.hostname, port: local.port },
    get connectionCount() {
      return clients.size;
    },
    get heldCount() {
      return sessions?.heldCount ?? 0;
    },
    room,
    async close(why) {
      listener.close();
      await room.close(why);
      const gone = [...server.connections].map((connection) => whenGone(connection));
      for (const connection of server.connections) connection.end();
      await Promise.all(gone);
      await front;
      await sessions?.[Symbol.asyncDispose]();
      await room[Symbol.asyncDispose]();
    },
  };
}

/** What `/.well-known/porthole` answers; a new version of the protocol when a field changes its meaning. */
function describe({ run, action, user, account, hostKey }: AgentOptions) {
  return {
    protocol: PROTOCOL_VERSION,
    version: VERSION,
    run: run ?? null,
    action: action ?? null,
    user: user ?? account.name,
    hostKeys: [hostKey.publicKey],
  };
}

interface SshServerParts {
  readonly room: SessionRoom;
  readonly limits: AgentLimits;
  readonly door: Door;
  readonly notices: LimitNotices;
}

function sshServer(options: AgentOptions, { room, limits, door, notices }: SshServerParts): SshServer {
  const restrictions = new WeakMap<SshConnection, KeyRestrictions>();
  return createSshServer({
    hostKeys: [options.hostKey.privateKey],
    ident: `porthole_${VERSION}`,
    limits,
    authenticate: (attempt, connection) => {
      const allowed = findKey(attempt, options.keys);
      if (allowed) restrictions.set(connection, allowed);
      return allowed !== undefined;
    },
    handlers(connection) {
      room.onClient?.(connection);
      // The last attempt before the login is the one that succeeded.
      const allowed = restrictions.get(connection);
      return allowed ? handlers(connection, { allowed, room, acceptEnv: options.acceptEnv ?? [] }) : {};
    },
    onKeys: (connection) => door.keysAgreed(connection),
    onAttempt: (attempt, isAccepted, connection) => door.tried(connection, { attempt, isAccepted }),
    onError(error, connection) {
      const limit = error instanceof AppError ? error.details?.limit : undefined;
      if (typeof limit === "string") notices.add(limit, describeError(error));
      else room.notice(error, connection);
    },
  });
}

/** Any login name will do: the key alone decides (docs/wire.md). */
function findKey(attempt: AuthAttempt, keys: readonly AuthorizedKey[]): KeyRestrictions | undefined {
  if (attempt.method !== "publickey") return undefined;
  return findAuthorizedKey(keys, { type: attempt.key.type, blob: attempt.key.blob, now: new Date() });
}

interface HandlerParts {
  readonly allowed: KeyRestrictions;
  readonly room: SessionRoom;
  readonly acceptEnv: readonly string[];
}

function handlers(connection: SshConnection, { allowed, room, acceptEnv }: HandlerParts): ConnectionHandlers {
  return {
    allow: (permission) => isAllowed(permission, { allowed, acceptEnv }),
    session: (session: ServerSession) => room.run(session, { connection, forcedCommand: allowed.command }),
    ...(allowed.allowsPortForwarding ? forwarding : {}),
  };
}

function isAllowed(
  permission: Permission,
  { allowed, acceptEnv }: { allowed: KeyRestrictions; acceptEnv: readonly string[] },
): boolean {
  switch (permission.kind) {
    case "pty":
      return allowed.allowsPty && Deno.build.os !== "windows";
    case "agent":
      return allowed.allowsAgentForwarding && Deno.build.os !== "windows";
    case "env":
      return acceptsEnv(permission.name, acceptEnv);
    case "subsystem":
      return permission.name === "sftp" || allowed.command !== undefined;
    default:
      return true;
  }
}

function whenGone({ gone }: SshConnection): Promise<void> {
  return new Promise((resolve) => {
    if (gone.aborted) resolve();
    gone.addEventListener("abort", () => resolve(), { once: true });
  });
}
