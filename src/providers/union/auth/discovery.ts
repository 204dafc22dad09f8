import { AppError, describeError } from "../../../base/errors.ts";
import { createRpcClient } from "../connect_rpc.ts";
import type { Http } from "../http.ts";
import { asMessage, type Message, textField, textsField } from "../wire.ts";

/** How to log in to a deployment, as it tells everybody. Empty strings for what it does not tell. */
export interface AuthMetadata {
  readonly tokenEndpoint: string;
  readonly authorizationEndpoint: string;
  readonly deviceAuthorizationEndpoint: string;
  /** Of the public client, for people. */
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly audience: string;
  /** The header that the control plane reads tokens from, if it is not `authorization`. */
  readonly headerKey: string;
}

/** Options of {@link discoverAuth}. */
export interface DiscoverOptions {
  readonly endpoint: string;
  readonly http: Http;
  readonly signal?: AbortSignal | undefined;
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

const SERVICE = "flyteidl2.auth.AuthMetadataService";

/**
 * Asks the control plane how to log in: by RPC, else by the HTTP twins that older and self-hosted ones have.
 *
 * Both ways are anonymous. @throws AppError `provider_failed` when neither way answers; `dial_failed`, `tls_failed`.
 */
export async function discoverAuth(options: DiscoverOptions): Promise<AuthMetadata> {
  try {
    return await discoverByRpc(options);
  } catch (rpcFailure) {
    options.signal?.throwIfAborted();
    if (isUnreachable(rpcFailure)) throw rpcFailure;
    return await discoverByHttp(options).catch((httpFailure: unknown) => {
      options.signal?.throwIfAborted();
      throw new AppError(
        "provider_failed",
        `Cannot find out how to log in to ${JSON.stringify(new URL(options.endpoint).host)}: ${
          describeError(rpcFailure)
        }`,
        {
          hint: "Check the endpoint in the configuration: it must be the control plane, not its console",
          details: { alsoTried: describeError(httpFailure) },
          cause: rpcFailure,
        },
      );
    });
  }
}

function isUnreachable(error: unknown): boolean {
  return error instanceof AppError && ["dial_failed", "tls_failed", "timeout"].includes(error.code);
}

async function discoverByRpc({ endpoint, http, signal, sleep }: DiscoverOptions): Promise<AuthMetadata> {
  const rpc = createRpcClient({ endpoint, http, ...(sleep ? { sleep } : {}) });
  const [metadata, client] = await Promise.all([
    rpc.call(`${SERVICE}/GetOAuth2Metadata`, {}, { signal }),
    rpc.call(`${SERVICE}/GetPublicClientConfig`, {}, { signal }),
  ]);
  return readMetadata(metadata, client);
}

async function discoverByHttp({ endpoint, http, signal }: DiscoverOptions): Promise<AuthMetadata> {
  const [metadata, client] = await Promise.all([
    getJson(http, { url: `${endpoint}/.well-known/oauth-authorization-server`, signal }),
    getJson(http, { url: `${endpoint}/config/v1/flyte_client`, signal }),
  ]);
  return readMetadata(metadata, client);
}

async function getJson(
  http: Http,
  { url, signal }: { url: string; signal: AbortSignal | undefined },
): Promise<Message> {
  const { status, contentType, text } = await http.request({
    url,
    method: "GET",
    headers: { accept: "application/json" },
    signal,
  });
  if (status === 200 && contentType.includes("json")) return asMessage(JSON.parse(text));
  throw new AppError(
    "provider_failed",
    `${new URL(url).pathname} answered HTTP ${status}, ${contentType || "no type"}`,
  );
}

function readMetadata(metadata: Message, client: Message): AuthMetadata {
  const tokenEndpoint = textField(metadata, "tokenEndpoint");
  if (tokenEndpoint === "") throw new AppError("provider_failed", "The control plane tells no token endpoint");
  return {
    tokenEndpoint,
    authorizationEndpoint: textField(metadata, "authorizationEndpoint"),
    deviceAuthorizationEndpoint: textField(metadata, "deviceAuthorizationEndpoint"),
    clientId: textField(client, "clientId"),
    redirectUri: textField(client, "redirectUri"),
    scopes: textsField(client, "scopes"),
    audience: textField(client, "audience"),
    headerKey: textField(client, "authorizationMetadataKey"),
  };
}
