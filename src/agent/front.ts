import { deadline } from "../base/abort.ts";
import { AppError } from "../base/errors.ts";
import { BufferedSource } from "../stream/buffered_source.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { headerValue, type HttpHead, readHttpHead } from "../stream/http_head.ts";
import { RESUME_AGAIN, RESUME_NEW } from "../stream/resume/protocol.ts";
import type { ResumeSessions } from "../stream/resume/server.ts";
import { setNoDelay, type TcpAddress } from "../stream/tcp.ts";
import { isWebSocketUpgrade } from "../stream/websocket_handshake.ts";
import { acceptWebSocket } from "../stream/websocket_server.ts";
import { PrefixedStream } from "./prefixed_stream.ts";

/** From the connection to the end of the request's head; a probe or an upgrade needs milliseconds. */
const HEAD_TIMEOUT_MS = 10_000;
/** How long a client that was answered may go on sending before the connection is closed over its head. */
const LINGER_MS = 1000;
const MAX_LINGER_BYTES = 64 * 1024;
const MEDIA_TYPE = "application/vnd.porthole+json";
const WELL_KNOWN = /\/\.well-known\/porthole\/?(?:\?.*)?$/;
/** RFC 4253 4.2: what an SSH client says first. */
const SSH_GREETING = new TextEncoder().encode("SSH-");

/** Options of {@link serveFront}. */
export interface FrontOptions {
  /** What `/.well-known/porthole` tells. */
  describe(): unknown;
  /** Takes a client's stream over, for SSH; `isResumable` says that it outlives its connections. */
  accept(stream: ByteStream, client: { readonly remote: TcpAddress; readonly isResumable: boolean }): void;
  /** Holds the sessions of clients that come back (docs/resume.md); without it nobody does. */
  readonly sessions?: ResumeSessions | undefined;
  /** The headers in which the ingress names who is logged in: a session is given back to the same values only. */
  readonly identityHeaders?: readonly string[];
  /** How many that were handed over have not logged in. */
  pendingLogins(): number;
  /** No more connections than this may be unanswered or not logged in; what comes on top is closed at once. */
  readonly maxPending: number;
  readonly headTimeoutMs?: number;
}

/**
 * Serves one port to everybody (union.md 1.4): plain HTTP of any method and path is answered 200 `ok`, a WebSocket
 * upgrade of any path becomes a stream for SSH, `GET /.well-known/porthole` tells who is here. A client that speaks SSH
 * at once, without HTTP around it, is served as well.
 *
 * Resolves when `listener` is closed. A connection that misbehaves is closed, and nobody else hears of it.
 */
export async function serveFront(listener: Deno.TcpListener, options: FrontOptions): Promise<void> {
  const open = new Set<Deno.TcpConn>();
  for (;;) {
    let conn: Deno.TcpConn;
    try {
      conn = await listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) break;
      // One client's connection failed before it was taken (ECONNABORTED), or files ran out for now (EMFILE).
      await new Promise((resolve) => setTimeout(resolve, 10));
      continue;
    }
    if (open.size + options.pendingLogins() >= options.maxPending) {
      conn.close();
      continue;
    }
    open.add(conn);
    receive(conn, options).finally(() => open.delete(conn));
  }
  for (const conn of open) close(conn);
}

async function receive(conn: Deno.TcpConn, options: FrontOptions): Promise<void> {
  setNoDelay(conn);
  try {
    await answer(conn, options);
  } catch {
    // Not HTTP, cut off, too long or too slow: union.md 1.4 wants no answer to that.
    close(conn);
  }
}

async function answer(conn: Deno.TcpConn, options: FrontOptions): Promise<void> {
  const remote = conn.remoteAddr as Deno.NetAddr;
  const source = new BufferedSource(conn);
  const head = await readHead(conn, { source, timeoutMs: options.headTimeoutMs ?? HEAD_TIMEOUT_MS });
  if (head === null) return close(conn);
  if (head === "ssh") {
    return options.accept(new PrefixedStream(conn, source.buffered.slice()), { remote, isResumable: false });
  }
  if (isWebSocketUpgrade(head)) {
    return await upgrade(conn, { head, buffered: source.buffered.slice(), remote, options });
  }
  const isHead = head.startLine.startsWith("HEAD ");
  if (isQuestion(head)) await respond(conn, { body: JSON.stringify(options.describe()), type: MEDIA_TYPE, isHead });
  else await respond(conn, { body: "ok", type: "text/plain", isHead });
}

interface UpgradeParts {
  readonly head: HttpHead;
  readonly buffered: Uint8Array;
  readonly remote: TcpAddress;
  readonly options: FrontOptions;
}

/** A plain stream for SSH, a new session, or a connection more for one that is known; by the subprotocol offered. */
async function upgrade(conn: Deno.TcpConn, { head, buffered, remote, options }: UpgradeParts): Promise<void> {
  const { sessions, accept } = options;
  const stream = await acceptWebSocket(conn, head, { buffered, protocols: sessions ? [RESUME_NEW, RESUME_AGAIN] : [] });
  if (!sessions || stream.protocol === "") return accept(stream, { remote, isResumable: false });
  const identity = JSON.stringify(
    options.identityHeaders?.map((name) => headerValue(head, name.toLowerCase()) ?? null) ?? [],
  );
  if (stream.protocol === RESUME_AGAIN) return await sessions.resume(stream, { identity });
  accept(sessions.open(stream, { identity }), { remote, isResumable: true });
}

interface ReadHeadOptions {
  readonly source: BufferedSource;
  readonly timeoutMs: number;
}

/** The head, `"ssh"` for a client that begins with SSH, null for one that left. */
async function readHead(conn: Deno.TcpConn, { source, timeoutMs }: ReadHeadOptions): Promise<HttpHead | "ssh" | null> {
  using limit = deadline(timeoutMs, { reason: () => new AppError("timeout", "No request came") });
  limit.signal.addEventListener("abort", () => close(conn), { once: true });
  while (source.buffered.length < SSH_GREETING.length) if (!await source.fill()) return null;
  if (SSH_GREETING.every((byte, index) => source.buffered[index] === byte)) return "ssh";
  return await readHttpHead(source);
}

/** The type is asked for besides the path, since an ingress may rewrite the path. */
function isQuestion(head: HttpHead): boolean {
  const [method, path = ""] = head.startLine.split(" ");
  if (method !== "GET" && method !== "HEAD") return false;
  return WELL_KNOWN.test(path) || (headerValue(head, "accept")?.includes(MEDIA_TYPE) ?? false);
}

async function respond(
  conn: Deno.TcpConn,
  { body, type, isHead }: { body: string; type: string; isHead: boolean },
): Promise<void> {
  const bytes = new TextEncoder().encode(body);
  const head =
    `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${bytes.length}\r\nConnection: close\r\n\r\n`;
  const message = new TextEncoder().encode(isHead ? head : head + body);
  for (let at = 0; at < message.length;) at += await conn.write(message.subarray(at));
  await conn.closeWrite();
  await drain(conn);
  close(conn);
}

/** Closing while bytes lie unread would reset the connection and might take the answer with it. */
async function drain(conn: Deno.TcpConn): Promise<void> {
  const timer = setTimeout(() => close(conn), LINGER_MS);
  try {
    const buffer = new Uint8Array(4096);
    for (let total = 0; total < MAX_LINGER_BYTES;) {
      const count = await conn.read(buffer);
      if (count === null) return;
      total += count;
    }
  } finally {
    clearTimeout(timer);
  }
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Closed already: by the client, or by whoever took it over.
  }
}
