import { deadline } from "../base/abort.ts";
import { AppError } from "../base/errors.ts";
import { BufferedSource } from "../stream/buffered_source.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { headerValue, type HttpHead, readHttpHead } from "../stream/http_head.ts";
import { RESUME_AGAIN, RESUME_NEW } from "../stream/resume/protocol.ts";
import type { ResumeSessions } from "../stream/resume/server.ts";
import { acceptAll } from "../stream/accept_all.ts";
import { setNoDelay, type TcpAddress } from "../stream/tcp.ts";
import { chooseProtocol, isWebSocketUpgrade } from "../stream/websocket_handshake.ts";
import { acceptWebSocket } from "../stream/websocket_server.ts";
import { clientAddress } from "./client_address.ts";
import { PrefixedStream } from "./prefixed_stream.ts";
import type { Place, WaitingClients } from "./waiting_clients.ts";

/** From the connection to the end of the request's head; a probe or an upgrade needs milliseconds. */
const HEAD_TIMEOUT_MS = 10_000;
/** How long a client that was answered may go on sending before the connection is closed over its head. */
const LINGER_MS = 1000;
const MAX_LINGER_BYTES = 64 * 1024;
const MEDIA_TYPE = "application/vnd.porthole+json";
const WELL_KNOWN = /\/\.well-known\/porthole\/?(?:\?.*)?$/;
/** RFC 4253 4.2: what an SSH client says first. */
const SSH_GREETING = new TextEncoder().encode("SSH-");

/** A client that wants SSH. */
export interface Arrival {
  readonly remote: TcpAddress;
  readonly isResumable: boolean;
  /** What it is told apart by, if by anything. */
  readonly address: string | undefined;
  /** It has logged in: its session is worth more than those of others that have not. */
  readonly confirm?: () => void;
  /** Its place among those who wait, to be disposed once it waits no longer. */
  readonly place: Place;
}

/** Options of {@link serveFront}. */
export interface FrontOptions {
  /** What `/.well-known/porthole` tells. */
  describe(): unknown;
  /** Takes a client's stream over, for SSH; `isResumable` says that it outlives its connections. */
  accept(stream: ByteStream, client: Arrival): void;
  /** Holds the sessions of clients that come back (docs/resume.md); without it nobody does. */
  readonly sessions?: ResumeSessions | undefined;
  /** The headers in which the ingress names who is logged in: a session is given back to the same values only. */
  readonly identityHeaders?: readonly string[];
  /** All that are unanswered or have not logged in. */
  readonly waiting: WaitingClients;
  /** The header in which the ingress tells a client's address. */
  readonly addressHeader?: string | undefined;
  /** For how long this address is shut out still; 0 when it is not. */
  shutOutForMs(address: string): number;
  readonly headTimeoutMs?: number;
}

/**
 * Serves one port to everybody (docs/wire.md): plain HTTP of any method and path is answered 200 `ok`, a WebSocket
 * upgrade of any path becomes a stream for SSH, `GET /.well-known/porthole` tells who is here. A client that speaks SSH
 * at once, without HTTP around it, is served as well.
 *
 * Resolves when `listener` is closed. A connection that misbehaves is closed, and nobody else hears of it.
 */
export async function serveFront(listener: Deno.TcpListener, options: FrontOptions): Promise<void> {
  const open = new Set<Deno.TcpConn>();
  const { waiting } = options;
  await acceptAll(listener, (conn) => {
    const place = waiting.enter(() => sayBusy(conn));
    open.add(conn);
    receive({ conn, place, options }).finally(() => open.delete(conn));
  }, { onOutOfFiles: () => waiting.sendHalfAway() });
  for (const conn of open) close(conn);
}

interface Reception {
  readonly conn: Deno.TcpConn;
  readonly place: Place;
  readonly options: FrontOptions;
}

async function receive(reception: Reception): Promise<void> {
  const { conn, place } = reception;
  setNoDelay(conn);
  let isHandedOver = false;
  try {
    isHandedOver = await answer(reception);
  } catch {
    // Not HTTP, cut off, too long or too slow: docs/wire.md wants no answer to that.
    close(conn);
  } finally {
    if (!isHandedOver) place[Symbol.dispose]();
  }
}

/** Returns whether somebody else has the connection and its place from now on. */
async function answer({ conn, place, options }: Reception): Promise<boolean> {
  const remote = conn.remoteAddr as Deno.NetAddr;
  const source = new BufferedSource(conn);
  const head = await readHead(conn, { source, timeoutMs: options.headTimeoutMs ?? HEAD_TIMEOUT_MS });
  if (head === null) {
    close(conn);
    return false;
  }
  const isSsh = head === "ssh";
  const isForSsh = isSsh || isWebSocketUpgrade(head);
  const { hostname } = remote;
  const address = clientAddress(isSsh ? undefined : head, { hostname, header: options.addressHeader });
  const comesBack = !isSsh && chooseProtocol(head, protocolsOf(options)) === RESUME_AGAIN;
  const shutOutForMs = isForSsh && !comesBack && address !== undefined ? options.shutOutForMs(address) : 0;
  if (shutOutForMs > 0) {
    await sayShutOut(conn, { isSsh, forMs: shutOutForMs });
    return false;
  }
  if (isSsh) {
    options.accept(new PrefixedStream(conn, source.buffered.slice()), { remote, isResumable: false, address, place });
    return true;
  }
  if (isForSsh) return await upgrade({ conn, place, options }, { head, buffered: source.buffered.slice(), address });
  const isHead = head.startLine.startsWith("HEAD ");
  if (isQuestion(head)) await respond(conn, { body: JSON.stringify(options.describe()), type: MEDIA_TYPE, isHead });
  else await respond(conn, { body: "ok", isHead });
  return false;
}

function protocolsOf({ sessions }: FrontOptions): readonly string[] {
  return sessions ? [RESUME_NEW, RESUME_AGAIN] : [];
}

interface UpgradeParts {
  readonly head: HttpHead;
  readonly buffered: Uint8Array;
  readonly address: string | undefined;
}

/** A plain stream for SSH, a new session, or a connection more for one that is known; by the subprotocol offered. */
async function upgrade(
  { conn, place, options }: Reception,
  { head, buffered, address }: UpgradeParts,
): Promise<boolean> {
  const { sessions, accept } = options;
  const remote = conn.remoteAddr as Deno.NetAddr;
  const stream = await acceptWebSocket(conn, head, { buffered, protocols: protocolsOf(options) });
  if (!sessions || stream.protocol === "") {
    accept(stream, { remote, isResumable: false, address, place });
    return true;
  }
  const identity = JSON.stringify(
    options.identityHeaders?.map((name) => headerValue(head, name.toLowerCase()) ?? null) ?? [],
  );
  if (stream.protocol === RESUME_AGAIN) {
    place.advance("greeted", () => stream[Symbol.dispose]());
    await sessions.resume(stream, { identity });
    return false;
  }
  const session = sessions.open(stream, { identity });
  accept(session, { remote, isResumable: true, confirm: () => session.confirm(), address, place });
  return true;
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

interface Answer {
  readonly body: string;
  /** `200 OK` unless told otherwise. */
  readonly status?: string;
  readonly type?: string;
  readonly headers?: string;
  readonly isHead?: boolean;
}

function toHttp({ body, status = "200 OK", type = "text/plain", headers = "", isHead = false }: Answer): Uint8Array {
  const bytes = new TextEncoder().encode(body);
  const head =
    `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${bytes.length}\r\n${headers}Connection: close\r\n\r\n`;
  return new TextEncoder().encode(isHead ? head : head + body);
}

async function respond(conn: Deno.TcpConn, answer: Answer): Promise<void> {
  await sayLast(conn, toHttp(answer));
}

async function sayLast(conn: Deno.TcpConn, message: Uint8Array): Promise<void> {
  for (let at = 0; at < message.length;) at += await conn.write(message.subarray(at));
  await conn.closeWrite();
  await drain(conn);
  close(conn);
}

/** For one that has to make room. Not waited for: a peer that never speaks may never read. */
function sayBusy(conn: Deno.TcpConn): void {
  const body = "porthole: too many connections that have not logged in: try again\n";
  const message = toHttp({ body, status: "503 Service Unavailable", headers: "Retry-After: 1\r\n" });
  conn.write(message).catch(() => {/* it has left by itself */}).finally(() => close(conn));
}

/** A client that speaks SSH at once is told in a line before the greeting, as sshd does. */
async function sayShutOut(conn: Deno.TcpConn, { isSsh, forMs }: { isSsh: boolean; forMs: number }): Promise<void> {
  const seconds = Math.ceil(forMs / 1000);
  const body = `porthole: too many failed log-ins from this address: try again in ${seconds}s\n`;
  if (isSsh) return await sayLast(conn, new TextEncoder().encode(body.replace("\n", "\r\n")));
  await respond(conn, { body, status: "429 Too Many Requests", headers: `Retry-After: ${seconds}\r\n` });
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
