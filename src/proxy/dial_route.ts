import type { ByteStream } from "../stream/byte_stream.ts";
import type { HeaderFields } from "../stream/header_fields.ts";
import { chooseOutboundProxy, type OutboundProxy } from "../stream/outbound_proxy.ts";
import { dialTcp } from "../stream/tcp.ts";
import { dialWebSocket } from "../stream/websocket_client.ts";
import { readCaCertificates } from "./ca_certificates.ts";
import { readHeadersFile } from "./headers_file.ts";
import type { CredentialSource, ProxyRoute } from "./proxy_route.ts";

type WebSocketRoute = Extract<ProxyRoute, { kind: "websocket" }>;

/** Options of {@link dialRoute}. */
export interface DialRouteOptions {
  /** Sent besides those of the headers file. */
  readonly headers?: HeaderFields | undefined;
  readonly credential?: CredentialSource | undefined;
  /** Where the proxies and SSL_CERT_FILE come from. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes one connection along `route`. Headers file, certificates and credential are read anew each time.
 *
 * A header of the command line takes the place of one by the same name in the headers file, and that of the credential's.
 * @throws AppError as `dialWebSocket` and `dialTcp` do, `unsafe_file`, `config_invalid`
 */
export async function dialRoute(route: ProxyRoute, options: DialRouteOptions): Promise<ByteStream> {
  const { signal, env } = options;
  signal?.throwIfAborted();
  if (route.kind === "tcp") return await dialTcp({ hostname: route.host, port: route.port, signal });
  const [headers, caCerts] = await Promise.all([gatherHeaders(route, options), readCaCertificates(route.caFile, env)]);
  return await dialWebSocket({
    url: route.url,
    headers,
    caCerts,
    outboundProxy: route.isDirect ? undefined : (url) => proxyFor(url, env),
    signal,
  });
}

async function gatherHeaders(
  { headersFile }: WebSocketRoute,
  { headers = [], credential, signal }: DialRouteOptions,
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

function proxyFor(url: URL, env: DialRouteOptions["env"]): OutboundProxy | undefined {
  return chooseOutboundProxy({
    protocol: url.protocol === "wss:" ? "wss:" : "ws:",
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || (url.protocol === "wss:" ? 443 : 80)),
  }, env);
}
