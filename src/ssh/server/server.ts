import { formatDuration } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { MAX_TIMER_MS } from "../../base/every.ts";
import type { ByteStream } from "../../stream/byte_stream.ts";
import { serverAlgorithms } from "../algorithms.ts";
import { type Connection, packInPlace, releaseCiphers, Server, toDuplex } from "../ssh2_adapter.ts";
import type { AuthAttempt, AuthDecision, Authenticate, AuthMethod } from "./authentication.ts";
import { measureRoundTrip } from "./channel_window.ts";
import { SshConnection } from "./connection.ts";
import { DISCONNECT } from "./disconnect.ts";
import { followForwarding } from "./forwarding.ts";
import type { TcpAddress } from "../../stream/tcp.ts";
import type { ConnectionHandlers } from "./handlers.ts";
import { serveHybrid } from "../kex/serve_hybrid.ts";
import { acceptRightGuesses } from "./kex_guess.ts";
import { followLogin } from "./login.ts";
import { endForBreach, keepMessageOrder } from "./message_order.ts";
import { followSessions } from "./sessions.ts";
import { internals, type Ssh2Connection } from "./ssh2_internals.ts";
import { offerUnknownKex } from "./unknown_kex.ts";
import { starveWindows } from "./window_limit.ts";

/** What a client may use up. */
export interface SshServerLimits {
  /** From the first byte to a login; sshd's LoginGraceTime is 120 s. */
  readonly loginTimeoutMs: number;
  /** Refused attempts before the connection is closed; sshd's MaxAuthTries is 6. */
  readonly maxAuthTries: number;
  /** Sessions open at one time on one connection. */
  readonly maxSessions: number;
  /** Channels of all kinds, and ports listened on, open at one time on one connection. */
  readonly maxChannels: number;
}

/** sshd's defaults, but for the sessions: one multiplexed connection of a fleet opens more than ten. */
export const DEFAULT_LIMITS: SshServerLimits = {
  loginTimeoutMs: 120_000,
  maxAuthTries: 6,
  maxSessions: 256,
  maxChannels: 512,
};

/** Also what keeps idle clocks on the way from firing: data has to flow at least every 25 s. */
const DEFAULT_KEEPALIVE_MS = 15_000;
const DEFAULT_KEEPALIVE_MISSES = 3;

/** What {@link createSshServer} is made of. */
export interface SshServerConfig {
  /** Private keys as texts of OpenSSH's format; the first of each type counts. */
  readonly hostKeys: readonly string[];
  /** Behind `SSH-2.0-` in the identification string. */
  readonly ident: string;
  /** Shown by clients before they log in. */
  readonly banner?: string;
  /** What a refused client is told to try; `publickey` alone by default. */
  readonly authMethods?: readonly AuthMethod[];
  authenticate(attempt: AuthAttempt, connection: SshConnection): ReturnType<Authenticate>;
  /** Called once for each client, when it has logged in. */
  handlers(connection: SshConnection): ConnectionHandlers;
  readonly limits?: Partial<SshServerLimits>;
  /** Between two questions whether the client is still there; three without an answer close the connection. */
  readonly keepaliveMs?: number;
  /** Offers no key exchange that anybody knows: to see what a client makes of it. */
  readonly hasUnknownKex?: boolean;
  /** All that a client may send on one channel, ever: to see what it does when the window does not open again. */
  readonly totalWindowBytes?: number | undefined;
  /** Called for each client with which keys were agreed upon, before it logs in. */
  onKeys?(connection: SshConnection): void;
  /** Told of what went wrong with one client, so that it can be logged; nothing needs to be done about it. */
  onError?(error: unknown, connection: SshConnection): void;
  onAttempt?(attempt: AuthAttempt, isAccepted: boolean, connection: SshConnection): void;
}

/** Options of {@link SshServer.accept}. */
export interface AcceptOptions {
  readonly remote?: TcpAddress | undefined;
  /** How long `stream` may stand still without being lost: for so much longer than usual a client may be silent. */
  readonly outageMs?: number;
}

/** An SSH server without a port of its own. */
export interface SshServer extends Disposable {
  /** Serves one client on `stream`, which is owned from now on. */
  accept(stream: ByteStream, options?: AcceptOptions): SshConnection;
  /** Everyone connected right now, logged in or not. */
  readonly connections: ReadonlySet<SshConnection>;
}

/** An SSH server (RFC 4251 to 4254, OpenSSH's PROTOCOL) with the algorithms of our one policy. */
export function createSshServer(config: SshServerConfig): SshServer {
  const limits = { ...DEFAULT_LIMITS, ...config.limits };
  const connections = new Set<SshConnection>();
  const byTransport = new WeakMap<object, SshConnection>();
  const onConnection = (raw: Connection, software: string) => {
    const ssh2 = internals(raw);
    const connection = byTransport.get(ssh2._sock);
    if (!connection) return void ssh2.end();
    serveHybrid(ssh2._protocol, { onBreach: (why) => endForBreach(ssh2, why) });
    // Sees what came as it came.
    acceptRightGuesses(ssh2._protocol);
    if (config.hasUnknownKex) offerUnknownKex(ssh2);
    releaseCiphers(raw);
    packInPlace(raw, ssh2._sock);
    measureRoundTrip(ssh2);
    if (config.totalWindowBytes !== undefined) starveWindows(ssh2, config.totalWindowBytes);
    connection.identified(ssh2, software);
    serve(ssh2, { connection, config, limits });
  };
  const servers = new Map<number, Server>();
  /** ssh2 keeps the patience with silent clients per server. */
  const serverFor = (outageMs: number) => {
    const keepaliveMs = config.keepaliveMs ?? DEFAULT_KEEPALIVE_MS;
    const misses = DEFAULT_KEEPALIVE_MISSES + Math.ceil(outageMs / keepaliveMs);
    const server = servers.get(misses) ?? newServer(config, { keepaliveMs, misses, onConnection });
    servers.set(misses, server);
    return server;
  };
  return {
    connections,
    accept(stream, { remote, outageMs = 0 } = {}) {
      const transport = toDuplex(stream, { remote });
      const connection = new SshConnection(transport, remote);
      connections.add(connection);
      byTransport.set(transport, connection);
      // Who leaves before saying what it is: nobody else hears of it.
      transport.once("end", () => {
        if (connection.clientVersion === "") connection[Symbol.dispose]();
      });
      const timer = setTimeout(() => {
        if (connection.user !== undefined) return;
        const why = `no log-in within ${formatDuration(limits.loginTimeoutMs)}`;
        connection.refuse({ reason: DISCONNECT.byApplication, why });
        const details = { limit: "--login-timeout" };
        config.onError?.(new AppError("timeout", `A client was cut off: ${why}`, { details }), connection);
      }, Math.min(limits.loginTimeoutMs, MAX_TIMER_MS));
      connection.gone.addEventListener("abort", () => {
        clearTimeout(timer);
        connections.delete(connection);
      }, { once: true });
      // Typed as a socket; what ssh2 uses of one, the transport has.
      serverFor(outageMs).injectSocket(transport as unknown as Parameters<Server["injectSocket"]>[0]);
      return connection;
    },
    [Symbol.dispose]() {
      for (const connection of [...connections]) connection[Symbol.dispose]();
    },
  };
}

interface NewServerOptions {
  readonly keepaliveMs: number;
  /** Questions without an answer that end a connection. */
  readonly misses: number;
  onConnection(connection: Connection, software: string): void;
}

function newServer(config: SshServerConfig, { keepaliveMs, misses, onConnection }: NewServerOptions): Server {
  const server = new Server({
    hostKeys: [...config.hostKeys],
    ident: config.ident,
    algorithms: serverAlgorithms(),
    keepaliveInterval: keepaliveMs,
    keepaliveCountMax: misses,
    ...(config.banner === undefined ? {} : { banner: config.banner }),
  });
  server.on("connection", (connection: Connection, { header }) => onConnection(connection, header.versions.software));
  return server;
}

interface ServeOptions {
  readonly connection: SshConnection;
  readonly config: SshServerConfig;
  readonly limits: SshServerLimits;
}

function serve(ssh2: Ssh2Connection, { connection, config, limits }: ServeOptions): void {
  const onError = (error: unknown) => config.onError?.(error, connection);
  ssh2.on("error", (error) => {
    onError(error);
    connection.closeSoon();
  });
  // Nobody reads on who has stopped writing: what runs for this client can be ended at once.
  ssh2.on("end", () => connection[Symbol.dispose]());
  let user = "";
  let handlers: ConnectionHandlers = {};
  ssh2.once("handshake", () => config.onKeys?.(connection));
  const listeners = new Map<string, Disposable>();
  const { maxChannels } = limits;
  // Before the first keys are in use: what reads the messages is chosen then. The last to be called here sees them first.
  followSessions(ssh2, { handlers: () => handlers, maxSessions: limits.maxSessions, onError });
  keepMessageOrder(ssh2, {
    asksQuestions: config.authMethods?.includes("keyboard-interactive") ?? false,
    maxChannels,
    listenerCount: () => listeners.size,
    onError,
  });
  followLogin(ssh2, {
    methods: config.authMethods ?? ["publickey"],
    maxTries: limits.maxAuthTries,
    onError,
    decide: (attempt): AuthDecision | Promise<AuthDecision> => {
      user = attempt.user;
      return config.authenticate(attempt, connection);
    },
    onAttempt: (attempt, isAccepted) => config.onAttempt?.(attempt, isAccepted, connection),
  });
  ssh2.once("ready", () => {
    connection.loggedIn(user);
    handlers = config.handlers(connection);
    const isFull = (opening: number) => ssh2._chanMgr._count + listeners.size + opening >= maxChannels;
    followForwarding(ssh2, { handlers, listeners, isFull, signal: connection.gone, onError });
  });
}
