import { AppError } from "../base/errors.ts";
import type { ByteStream } from "./byte_stream.ts";
import { readCaCertificates } from "./ca_certificates.ts";
import type { HeaderFields } from "./header_fields.ts";
import { readHeadersFile } from "./headers_file.ts";
import { chooseOutboundProxy, type OutboundProxy } from "./outbound_proxy.ts";
import { dialTcp } from "./tcp.ts";
import { dialWebSocket } from "./websocket_client.ts";

/** A WebSocket that carries SSH; `headersFile` and `caFile` are read at every dial. */
export interface WebSocketRoute {
  readonly kind: "websocket";
  readonly url: string;
  readonly headersFile?: string;
  readonly caFile?: string;
  /** Never through a proxy of the environment: a job on this very machine. */
  readonly isDirect?: boolean;
}

/** Plain TCP to an SSH server. */
export interface TcpRoute {
  readonly kind: "tcp";
  readonly host: string;
  readonly port: number;
}

/** How the far end is reached; what a target record keeps under `route` fits. */
export type Route = WebSocketRoute | TcpRoute;

/** Fresh credentials for one dial, by header name; called anew for each. */
export type CredentialSource = (
  options: {
    readonly signal?: AbortSignal | undefined;
    /** What it gave for this dial already, and the route has turned down. */
    readonly refused?: Readonly<Record<string, string>> | undefined;
  },
) => Promise<Readonly<Record<string, string>>>;

/** Options of {@link dialRoute}. */
export interface DialRouteOptions {
  /** Sent besides those of the headers file. */
  readonly headers?: HeaderFields | undefined;
  readonly credential?: CredentialSource | undefined;
  /** Subprotocols to offer to a WebSocket, the best first; none unless given. */
  readonly protocols?: readonly string[] | undefined;
  /** Where the proxies and SSL_CERT_FILE come from. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes one connection along `route`. Headers file, certificates and credential are read anew each time; a credential
 * that is turned down, as after a rotation of keys, is asked for once more.
 *
 * @throws AppError as `dialWebSocket` and `dialTcp` do, `unsafe_file`, `config_invalid`
 */
export async function dialRoute(route: Route, options: DialRouteOptions): Promise<ByteStream> {
  const { signal, credential } = options;
  signal?.throwIfAborted();
  if (route.kind === "tcp") return await dialTcp({ hostname: route.host, port: route.port, signal });
  const given = await credential?.({ signal }) ?? {};
  try {
    return await dialOnce(route, { ...options, credential: () => Promise.resolve(given) });
  } catch (error) {
    if (!credential || !isRefusal(error)) throw error;
    const renewed = await credential({ signal, refused: given });
    return await dialOnce(route, { ...options, credential: () => Promise.resolve(renewed) });
  }
}

/** A refused upgrade: 401 and 403, and what an ingress makes of them, a redirect to a log-in page. */
function isRefusal(error: unknown): boolean {
  return error instanceof AppError && (error.code === "auth_denied" || error.code === "redirected");
}

async function dialOnce(route: WebSocketRoute, options: DialRouteOptions): Promise<ByteStream> {
  const { signal, env, protocols = [] } = options;
  const [headers, caCerts] = await Promise.all([gatherHeaders(route, options), readCaCertificates(route.caFile, env)]);
  return await dialWebSocket({
    url: route.url,
    headers,
    caCerts,
    protocols,
    outboundProxy: route.isDirect ? undefined : (url) => outboundProxyFor(url, env),
    signal,
  });
}

/**
 * The headers of one dial: a header of `headers` takes the place of one by the same name in the headers file, and that of
 * the credential's.
 *
 * @throws AppError `not_found`, `unsafe_file`, `config_invalid`, and what the credential source throws
 */
export async function gatherHeaders(
  { headersFile }: WebSocketRoute,
  { headers = [], credential, signal }: Omit<DialRouteOptions, "env">,
): Promise<HeaderFields> {
  const [fromFile, fromCredential] = await Promise.all([
    headersFile === undefined ? [] : readHeadersFile(headersFile),
    credential ? credential({ signal }).then(Object.entries<string>) : [],
  ]);
  return [fromCredential, fromFile, headers].reduce<HeaderFields>((weaker, stronger) => {
    const names = new Set(stronger.map(([name]) => name.toLowerCase()));
    return [...weaker.filter(([name]) => !names.has(name.toLowerCase())), ...stronger];
  }, []);
}

/** The proxy that the environment asks for, for a ws: or wss: URL. @throws AppError `config_invalid` */
export function outboundProxyFor(url: URL, env: DialRouteOptions["env"]): OutboundProxy | undefined {
  return chooseOutboundProxy({
    protocol: url.protocol === "wss:" ? "wss:" : "ws:",
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || (url.protocol === "wss:" ? 443 : 80)),
  }, env);
}
