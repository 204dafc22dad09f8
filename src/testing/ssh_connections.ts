import { describeError } from "../base/errors.ts";
import { parseDuration } from "../base/duration.ts";
import { oneLine } from "../base/printable.ts";
import { generateEd25519 } from "../ssh/keys/generate.ts";
import type { AuthAttempt } from "../ssh/server/authentication.ts";
import type { SshConnection } from "../ssh/server/connection.ts";
import type { ConnectionHandlers, Permission } from "../ssh/server/handlers.ts";
import { createSshServer, type SshServerConfig } from "../ssh/server/server.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import type { TcpAddress } from "../stream/tcp.ts";
import type { Credentials } from "./credentials.ts";
import type { FaultOf, FaultSet } from "./faults.ts";
import { FaultyStream, type StreamPoint } from "./faulty_stream.ts";
import { forwardingHandlers, type ForwardingPolicy } from "./forwarding_policy.ts";
import { LinkStream } from "./link_stream.ts";
import { runTestSession, type SessionSurroundings } from "./session_runner.ts";

/** A TLS alert, what comes where somebody put TLS in front. Without a line's end: many clients skip lines (RFC 4253 4.2). */
const TLS_ALERT = new Uint8Array([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x28]);
/** The longest that a timer takes: questions to silent clients would keep an idle connection from being idle. */
const NEVER_MS = 2 ** 31 - 1;

/** What the connections of one server share. */
export interface SshConnectionsOptions {
  readonly faults: FaultSet;
  readonly sessions: SessionSurroundings;
  readonly credentials: Credentials;
  readonly forwarding: ForwardingPolicy;
  /** Private host keys, OpenSSH's format. */
  hostKeys(): readonly string[];
  /** Behind `SSH-2.0-`. */
  readonly ident: string;
  readonly banner: string | undefined;
  readonly maxAuthTries: number | undefined;
}

/** A client that connected. */
export interface Arrival {
  readonly stream: ByteStream;
  readonly remote: TcpAddress;
  readonly via: "tcp" | "websocket";
}

/** Serves the SSH connections of one test server, each with the faults that it gets. */
export class SshConnections {
  readonly #options: SshConnectionsOptions;
  readonly #open = new Set<Disposable>();
  #count = 0;

  constructor(options: SshConnectionsOptions) {
    this.#options = options;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Serves one client until it is gone and all that it ran has ended. */
  async serve({ stream, remote, via }: Arrival): Promise<void> {
    const { faults, sessions: { events } } = this.#options;
    const connection = ++this.#count;
    events.add("connection", { connection, remote, via });
    const faulty = this.#withFaults(stream, via);
    const told = () => ({ connection, receivedBytes: faulty.receivedBytes, sentBytes: faulty.sentBytes });
    this.#open.add(faulty);
    try {
      if (faults.take("drop")) return;
      await this.#speakSsh(faulty, { connection, remote });
    } finally {
      faulty[Symbol.dispose]();
      this.#open.delete(faulty);
      events.add("disconnection", told());
    }
  }

  /** Cuts all off. */
  closeAll(): void {
    for (const stream of [...this.#open]) stream[Symbol.dispose]();
  }

  async #speakSsh(
    stream: FaultyStream,
    { connection, remote }: { connection: number; remote: TcpAddress },
  ): Promise<void> {
    const running = new Set<Promise<void>>();
    const config = await this.#config({ connection, stream, running });
    const ssh = createSshServer(config).accept(stream, { remote });
    await whenGone(ssh);
    await Promise.allSettled(running);
  }

  #withFaults(stream: ByteStream, via: Arrival["via"]): FaultyStream {
    const { faults } = this.#options;
    const latency = faults.take("latency");
    const bandwidth = faults.take("bandwidth");
    const link = latency || bandwidth
      ? new LinkStream(stream, {
        oneWayMs: latency ? parseDuration(latency.delay, "delay") / 2 : 0,
        bytesPerSecond: bandwidth?.bytesPerSecond ?? Infinity,
      })
      : stream;
    const slow = faults.take("slow-banner");
    const garbage = faults.take("garbage-before-banner");
    // The WebSocket front watches what is under the WebSocket.
    const idle = via === "tcp" ? faults.take("idle-drop") : undefined;
    return new FaultyStream(link, {
      bannerDelayMs: slow && parseDuration(slow.delay, "delay"),
      garbage: garbage && toBytes(garbage.garbage ?? TLS_ALERT),
      disconnect: toPoint(faults.take("disconnect")),
      stall: faults.take("no-banner") ? { phase: "connect", bytes: 0 } : toPoint(faults.take("stall")),
      idleDropMs: idle && parseDuration(idle.after, "after"),
    });
  }

  async #config(
    { connection, stream, running }: { connection: number; stream: FaultyStream; running: Set<Promise<void>> },
  ): Promise<SshServerConfig> {
    const { faults, credentials, sessions: { events }, ident, banner, maxAuthTries, hostKeys } = this.#options;
    const starvation = faults.take("window-starvation");
    const otherKey = faults.take("host-key-changed") ? await generateEd25519("porthole-test") : undefined;
    return {
      hostKeys: otherKey ? [otherKey.privateKey] : hostKeys(),
      ident,
      ...(banner === undefined ? {} : { banner }),
      authMethods: credentials.methods,
      limits: maxAuthTries === undefined ? {} : { maxAuthTries },
      keepaliveMs: NEVER_MS,
      hasUnknownKex: faults.take("kex-mismatch") !== undefined,
      totalWindowBytes: starvation && (starvation.bytes ?? 0),
      authenticate: async (attempt) => {
        stream.enter("auth");
        const isRight = await credentials.accepts(attempt) && !stream.isGone;
        return isRight && !(isFinal(attempt) && faults.take("auth-failures"));
      },
      onAttempt: (attempt, isAccepted) => events.add("authentication", describe(attempt, { connection, isAccepted })),
      handlers: (ssh) => {
        stream.letIn();
        events.add("login", { connection, user: ssh.user ?? "" });
        return this.#handlers({ connection, user: ssh.user ?? "", running });
      },
      onError: (error) => events.add("error", { connection, message: oneLine(describeError(error)) }),
    };
  }

  #handlers(
    { connection, user, running }: { connection: number; user: string; running: Set<Promise<void>> },
  ): ConnectionHandlers {
    const { faults, sessions, forwarding: policy } = this.#options;
    const { events } = sessions;
    return {
      allow: (permission) => this.#allows(permission, connection),
      session: async (session) => {
        const work = runTestSession(session, { connection, user }, sessions);
        running.add(work);
        try {
          await work;
        } finally {
          running.delete(work);
        }
      },
      ...forwardingHandlers({ connection, policy, events, faults }),
    };
  }

  #allows({ kind }: Permission, connection: number): boolean {
    if (kind !== "session") return true;
    const { faults, sessions: { events } } = this.#options;
    const isAllowed = !faults.take("channel-refused", ({ channel = "session" }) => channel === "session");
    events.add("channel", { connection, channel: "session", isAllowed });
    return isAllowed;
  }
}

/** True for an attempt that lets somebody in, not for the question whether a key would do. */
function isFinal(attempt: AuthAttempt): boolean {
  return attempt.method !== "publickey" || attempt.isVerified;
}

function describe(attempt: AuthAttempt, { connection, isAccepted }: { connection: number; isAccepted: boolean }) {
  const outcome = !isAccepted ? "refused" as const : isFinal(attempt) ? "accepted" as const : "would-accept" as const;
  const facts = { connection, user: attempt.user, method: attempt.method, outcome };
  return attempt.method === "publickey" ? { ...facts, fingerprint: attempt.key.fingerprint } : facts;
}

function toPoint(fault: FaultOf<"disconnect" | "stall"> | undefined): StreamPoint | undefined {
  return fault && { phase: fault.phase ?? "connect", bytes: fault.bytes ?? 0 };
}

function toBytes(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}

function whenGone({ gone }: SshConnection): Promise<void> {
  return new Promise((resolve) => {
    if (gone.aborted) resolve();
    gone.addEventListener("abort", () => resolve(), { once: true });
  });
}
