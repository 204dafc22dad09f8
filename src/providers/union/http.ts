import { deadline } from "../../base/abort.ts";
import { formatDuration } from "../../base/duration.ts";
import { AppError, describeError } from "../../base/errors.ts";
import type { Environment } from "../../base/home.ts";
import { oneLine } from "../../base/printable.ts";
import { readCaCertificates } from "../../stream/ca_certificates.ts";
import { mayCarryCredentials } from "./endpoint.ts";

/** One request. `headers` may hold a credential: it goes to the URL's host alone, redirects are not followed. */
export interface HttpRequest {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** For the whole exchange, body included; 60 s. Infinity for streams. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A whole answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  /** The host that a redirect points to. */
  readonly redirectHost?: string;
}

/** What speaks HTTP to one deployment. Dispose it to close its connections. */
export interface Http extends Disposable {
  /** @throws AppError `dial_failed`, `tls_failed`, `timeout`. */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** The answer's head and its body as it comes; the caller reads or cancels the body. */
  open(request: HttpRequest): Promise<Response>;
}

const REQUEST_TIMEOUT_MS = 60_000;
// An answer of the API is a few KiB; inputs of a run may be some MiB.
const MAX_BODY = 64 * 1024 * 1024;

/**
 * HTTP with the configuration's own CA, that of SSL_CERT_FILE and the configuration's proxy; without those, with the
 * system's and the environment's.
 *
 * `insecureSkipVerify` is not honoured: this runtime can drop the check of certificates only for the process as a
 * whole. A failed check names `caCertFilePath`, which does what people want from it and keeps the check on.
 */
export async function createHttp(
  { env = {}, caFile, httpProxyUrl, insecureSkipVerify = false }: {
    readonly env?: Environment;
    readonly caFile?: string | undefined;
    readonly httpProxyUrl?: string | undefined;
    readonly insecureSkipVerify?: boolean;
  } = {},
): Promise<Http> {
  const caCerts = [
    ...(caFile === undefined ? [] : [await readCaFile(caFile)]),
    ...await readCaCertificates(undefined, env),
  ];
  const client = caCerts.length > 0 || httpProxyUrl
    ? Deno.createHttpClient({
      caCerts,
      ...(httpProxyUrl ? { proxy: { url: httpProxyUrl } } : {}),
    })
    : undefined;
  const open = (request: HttpRequest) => openResponse(request, { client, insecureSkipVerify });
  return {
    open,
    request: (request) => requestWhole(request, open),
    [Symbol.dispose]: () => client?.close(),
  };
}

async function requestWhole(
  request: HttpRequest,
  open: (request: HttpRequest) => Promise<Response>,
): Promise<HttpAnswer> {
  const { url, timeoutMs = REQUEST_TIMEOUT_MS, signal } = request;
  using limit = deadline(timeoutMs, {
    signal,
    reason: () =>
      new AppError(
        "timeout",
        `No answer from ${JSON.stringify(new URL(url).host)} within ${formatDuration(timeoutMs)}`,
        {
          hint: "Check the network, and whether the endpoint of the configuration is the control plane; then try again",
        },
      ),
  });
  try {
    const response = await open({ ...request, signal: limit.signal });
    const redirectHost = redirectHostOf(response, url);
    return {
      status: response.status,
      contentType: response.headers.get("content-type") ?? "",
      text: await readText(response),
      ...(redirectHost === undefined ? {} : { redirectHost }),
    };
  } catch (error) {
    limit.signal.throwIfAborted();
    throw error;
  }
}

async function openResponse(
  { url, method, headers = {}, body, signal }: HttpRequest,
  { client, insecureSkipVerify }: { client: Deno.HttpClient | undefined; insecureSkipVerify: boolean },
): Promise<Response> {
  signal?.throwIfAborted();
  assertCredentialStaysPrivate(url, headers);
  try {
    return await fetch(url, {
      method,
      headers,
      redirect: "manual",
      ...(body === undefined ? {} : { body }),
      ...(signal ? { signal } : {}),
      ...(client ? { client } : {}),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw dialError(error, { url, insecureSkipVerify });
  }
}

function assertCredentialStaysPrivate(url: string, headers: Readonly<Record<string, string>>): void {
  const carries = Object.keys(headers).some((name) => name.toLowerCase().endsWith("authorization"));
  if (!carries || mayCarryCredentials(url)) return;
  throw new AppError(
    "config_invalid",
    `Refused to send a credential to ${JSON.stringify(new URL(url).host)} in the clear`,
    {
      hint: "Use an https:// endpoint, or insecure: true for one without authentication",
    },
  );
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BODY) throw new AppError("provider_failed", `An answer of more than ${MAX_BODY} bytes was given up`);
    chunks.push(chunk);
  }
  return await new Blob(chunks).text();
}

/** The host that a redirect answer points to; undefined for any other answer. */
export function redirectHostOf(response: Response, url: string): string | undefined {
  if (response.status < 300 || response.status >= 400) return undefined;
  const location = response.headers.get("location") ?? "";
  return URL.canParse(location, url) ? new URL(location, url).host : new URL(url).host;
}

function dialError(
  error: unknown,
  { url, insecureSkipVerify }: { url: string; insecureSkipVerify: boolean },
): AppError {
  const { host } = new URL(url);
  const reason = innermostReason(error);
  if (/certificate|tls|ssl|handshake/i.test(reason)) {
    return new AppError("tls_failed", `Cannot verify the certificate of ${JSON.stringify(host)}: ${reason}`, {
      hint: reason.includes("CaUsedAsEndEntity")
        ? "The server uses a CA's certificate as its own: it needs one with basicConstraints=CA:FALSE"
        : insecureSkipVerify
        ? "insecureSkipVerify is not honoured: put the server's CA (PEM) into a file and name it as admin.caCertFilePath"
        : "For a private CA, name its PEM file as admin.caCertFilePath in the configuration, or as SSL_CERT_FILE",
      cause: error,
    });
  }
  return new AppError("dial_failed", `Cannot reach ${JSON.stringify(host)}: ${reason}`, {
    hint: "Check the endpoint in the configuration, the network and HTTPS_PROXY",
    cause: error,
  });
}

/** The last part of fetch's nested message; its first ones repeat the URL. */
function innermostReason(error: unknown): string {
  const parts: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause) parts.push(each.message);
  const text = parts.join(": ") || describeError(error);
  return oneLine(text.replace(/^.*?for url \([^)]*\):\s*/, "").replace(/^client error \([^)]*\):\s*/, ""));
}

async function readCaFile(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch((error: unknown) => {
    throw new AppError(
      "config_invalid",
      `Cannot read admin.caCertFilePath ${JSON.stringify(path)}: ${
        error instanceof Deno.errors.NotFound ? "it does not exist" : describeError(error)
      }`,
      { hint: "It must name a PEM file with the certificates to trust", cause: error },
    );
  });
}
