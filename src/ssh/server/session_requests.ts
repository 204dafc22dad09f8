import type { Session } from "../ssh2_adapter.ts";
import type { ConnectionHandlers, Permission } from "./handlers.ts";
import { type PtyRequest, ServerSession, type SessionRequest, type WindowSize } from "./session.ts";
import type { Ssh2Connection, Ssh2Session } from "./ssh2_internals.ts";

/** A client may set no more variables than this, nor longer ones: they are kept before anything is started. */
const MAX_ENV = 256;
const MAX_ENV_BYTES = 64 * 1024;

/** Options of {@link readSession}. */
export interface ReadSessionOptions {
  readonly connection: Ssh2Connection;
  readonly handlers: ConnectionHandlers;
  /** The modes of the pty-req that is just being told. */
  takeModes(): ReadonlyMap<number, number>;
  /** The command of the exec that is just being told, byte by byte. */
  takeCommand(): string | undefined;
  /** Runs the session to its end. */
  start(session: ServerSession): void;
}

/**
 * Follows one session channel: collects what is asked for, starts the first shell, exec or subsystem that is allowed,
 * and passes on what is asked of it later.
 *
 * @returns the client's number for the channel, and what a `break` of it is to be told to.
 */
export function readSession(raw: Session, { connection, handlers, takeModes, takeCommand, start }: ReadSessionOptions) {
  const env = new Map<string, string>();
  let envBytes = 0;
  let pty: PtyRequest | undefined;
  let wantsAgent = false;
  let running: ServerSession | undefined;
  const allows = (permission: Permission) => handlers.allow?.(permission) ?? true;

  raw.on("env", (accept, reject, { key, val }) => {
    envBytes += key.length + val.length;
    if (env.size >= MAX_ENV || envBytes > MAX_ENV_BYTES || !allows({ kind: "env", name: key })) return reject?.();
    env.set(key, val);
    accept?.();
  });
  raw.on("pty", (accept, reject, { term, cols, rows, width, height }) => {
    const modes = takeModes();
    if (pty || !allows({ kind: "pty" })) return reject?.();
    pty = { term, size: windowSize({ cols, rows, width, height }), modes };
    accept?.();
  });
  raw.on("auth-agent", (accept, reject) => {
    if (!allows({ kind: "agent" })) return reject?.();
    wantsAgent = true;
    accept?.();
  });
  raw.on("window-change", (accept, _reject, size) => {
    running?.emit("resize", windowSize(size));
    accept?.();
  });
  raw.on("signal", (accept, _reject, { name }) => {
    running?.emit("signal", name.replace(/^SIG/, ""));
    accept?.();
  });
  // EOF says that the client writes no more, not that it asks no more.
  raw.on("end", () => (raw as Ssh2Session)._ending = false);

  const begin = (
    request: SessionRequest,
    accept: () => Parameters<typeof open>[0],
    reject: (() => void) | undefined,
  ) => {
    if (running || !handlers.session || !allows(request)) return reject?.();
    open(accept(), request);
  };
  const open = (channel: ConstructorParameters<typeof ServerSession>[0], request: SessionRequest) => {
    running = new ServerSession(channel, connection, { request, pty, env, wantsAgent });
    start(running);
  };
  raw.on("shell", (accept, reject) => begin({ kind: "shell" }, accept, reject));
  raw.on(
    "exec",
    (accept, reject, { command }) => begin({ kind: "exec", command: takeCommand() ?? command }, accept, reject),
  );
  // "sftp" is not listened to: ssh2 then hands its channel out raw, like any other subsystem's.
  raw.on("subsystem", (accept, reject, { name }) => begin({ kind: "subsystem", name }, accept, reject));
  return {
    peerId: (raw as Ssh2Session)._chanInfo.outgoing.id,
    break: () => {
      if (!running || !pty) return false;
      running.emit("break");
      return true;
    },
  };
}

interface RawSize {
  readonly cols: number;
  readonly rows: number;
  readonly width: number;
  readonly height: number;
}

/** Sizes are 16 bits in the kernel (`struct winsize`). */
function windowSize({ cols, rows, width, height }: RawSize): WindowSize {
  const clamp = (value: number) => Math.min(value, 0xffff);
  return { cols: clamp(cols), rows: clamp(rows), widthPx: clamp(width), heightPx: clamp(height) };
}
