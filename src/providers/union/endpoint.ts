import { AppError } from "../../base/errors.ts";

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

/**
 * The URL that RPC paths are appended to, without a slash at its end, for an endpoint as people write it:
 * `dns:///host`, `https://host:8443`, `host`. A port is kept.
 *
 * @throws AppError `config_invalid` for another scheme or no host.
 */
export function normalizeEndpoint(text: string, { insecure = false }: { insecure?: boolean } = {}): string {
  const trimmed = text.trim();
  const scheme = SCHEME.exec(trimmed)?.[1]?.toLowerCase();
  const plain = insecure ? "http" : "https";
  if (scheme === undefined) return parseEndpoint(`${plain}://${trimmed}`, text);
  // gRPC naming: `dns://[authority]/host`; the authority is the name server to ask and means nothing here.
  if (scheme === "dns") return parseEndpoint(`${plain}://${trimmed.replace(/^dns:\/\/[^/]*\//i, "")}`, text);
  if (scheme === "http" || scheme === "https") return parseEndpoint(trimmed, text);
  throw invalidEndpoint(text, `its scheme is ${JSON.stringify(scheme)}`);
}

function parseEndpoint(url: string, text: string): string {
  if (!URL.canParse(url)) throw invalidEndpoint(text, "no host in it");
  const { protocol, host, pathname, username, password } = new URL(url);
  if (username || password) throw invalidEndpoint("(not shown: it holds a password)", "credentials stand in it");
  return `${protocol}//${host}${pathname.replace(/\/+$/, "")}`;
}

function invalidEndpoint(text: string, found: string): AppError {
  return new AppError("config_invalid", `Cannot use the endpoint ${JSON.stringify(text)}: ${found}`, {
    hint: 'Write it as "dns:///host", "https://host" or "host"',
  });
}

/** The host with its port, if it is not the scheme's own, of a normalized endpoint. */
export function endpointHost(endpoint: string): string {
  return new URL(endpoint).host;
}

/** True for an endpoint that a credential may be sent to: TLS, or this machine itself. */
export function mayCarryCredentials(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || protocol === "wss:" || isLoopback(hostname);
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
}

/**
 * The WebSocket URL of an IDE link.
 *
 * A relative `uri`, the usual case, is joined to the endpoint's host and port; an absolute one, which an operator may
 * template, keeps its own. The path's last slash and the query are kept, a fragment is not.
 * @throws AppError `provider_failed` for a `uri` that is neither.
 */
export function routeUrl(endpoint: string, uri: string): string {
  const { origin } = new URL(endpoint);
  const isAbsolute = SCHEME.test(uri) || uri.startsWith("//");
  const joined = isAbsolute ? uri : `${origin}/${uri.replace(/^\/+/, "")}`;
  if (!URL.canParse(joined, origin)) throw unusableLink(uri);
  const url = new URL(joined, origin);
  url.hash = "";
  if (url.protocol === "https:" || url.protocol === "wss:") return url.href.replace(/^https:/, "wss:");
  if (url.protocol === "http:" || url.protocol === "ws:") return url.href.replace(/^http:/, "ws:");
  throw unusableLink(uri);
}

function unusableLink(uri: string): AppError {
  return new AppError("provider_failed", `Cannot make a WebSocket URL of the IDE link ${JSON.stringify(uri)}`, {
    hint: "It comes from the cluster's log configuration: ask whoever runs the cluster",
  });
}
