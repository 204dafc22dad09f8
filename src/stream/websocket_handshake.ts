import { headerHasToken, headerValue, type HttpHead } from "./http_head.ts";

/** RFC 6455 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The Sec-WebSocket-Accept that answers `key` (RFC 6455 4.2.2). */
export async function acceptFor(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID));
  return new Uint8Array(digest).toBase64();
}

/** A fresh Sec-WebSocket-Key: 16 random bytes (RFC 6455 4.1). */
export function newHandshakeKey(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toBase64();
}

/** True for a request that asks for a WebSocket; whatever the method, path and version (docs/wire.md). */
export function isWebSocketUpgrade(request: HttpHead): boolean {
  return headerHasToken(request, "upgrade", "websocket");
}

/** The first of `supported` that the request offers in Sec-WebSocket-Protocol, or empty. */
export function chooseProtocol(request: HttpHead, supported: readonly string[]): string {
  const offered = (headerValue(request, "sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
  return supported.find((name) => offered.includes(name)) ?? "";
}
