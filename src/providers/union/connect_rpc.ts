import { sleep as realSleep } from "../../base/abort.ts";
import { AppError } from "../../base/errors.ts";
import { redactValues, secretsOf } from "../../base/redact.ts";
import { readEnvelopes } from "./envelope.ts";
import { RPC_CONTENT_TYPE } from "./guesses.ts";
import { type Http, redirectHostOf } from "./http.ts";
import { endpointHost } from "./endpoint.ts";
import { errorOfAnswer, isAuthRefusal, rpcCodeOf, rpcError, withRemedy } from "./rpc_error.ts";
import { asMessage, type Message, messageField, textField, tryParseJson } from "./wire.ts";

/** Headers by name. */
export type Headers = Readonly<Record<string, string>>;

/** What puts a credential on a call. */
export interface RequestAuth {
  /** Headers to send; other ones than `refused`, which the server has just turned down. */
  headers(options: { signal?: AbortSignal | undefined; refused?: Headers | undefined }): Promise<Headers>;
}

/** Options of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** False for a call that must not be repeated when it is unknown whether it took effect. */
  readonly mayRepeat?: boolean;
  /** For one whole answer; see `HttpRequest`. */
  readonly timeoutMs?: number;
}

/** A client of one control plane, or of one cluster's data plane. */
export interface RpcClient {
  /**
   * The answer to `package.Service/Method`.
   * @throws AppError with `details.rpcCode`; `redirected` and `auth_denied` once a renewed credential was refused too.
   */
  call(method: string, request: Message, options?: CallOptions): Promise<Message>;
  /** The messages of a server-streaming method. @throws the same. */
  stream(method: string, request: Message, options?: CallOptions): AsyncIterable<Message>;
}

/** What {@link createRpcClient} works with. */
export interface RpcClientOptions {
  readonly endpoint: string;
  readonly http: Http;
  readonly auth?: RequestAuth | undefined;
  /** What to do about a refused credential, where that is not to log in. */
  readonly remedy?: string | undefined;
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** 0 to 1, for the jitter. */
  readonly random?: () => number;
}

// The numbers of the platform's own client: 4 attempts, 0.5 s doubled up to 10 s, 0.5 to 1.5 of it as jitter.
const MAX_ATTEMPTS = 4;
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 10_000;
const RETRIED = new Set(["unavailable", "resource_exhausted", "internal"]);

/** A client of the Connect protocol with JSON messages (connectrpc.com/docs/protocol). */
export function createRpcClient(options: RpcClientOptions): RpcClient {
  return {
    call: (method, request, callOptions = {}) =>
      persist(options, callOptions, (headers) => callOnce(method, request, { ...options, ...callOptions, headers })),
    async *stream(method, request, callOptions = {}) {
      // Opening may be tried again; what has begun to flow may not, since lines would come twice.
      const { response, sent } = await persist(
        options,
        callOptions,
        async (sent) => ({
          response: await openStream(method, request, { ...options, ...callOptions, headers: sent }),
          sent,
        }),
      );
      yield* readStream(method, response, sent);
    },
  };
}

/** Runs `attempt` until it succeeds: with a renewed credential once, after a pause for what passes by itself. */
async function persist<T>(
  { auth, remedy, sleep = realSleep, random = Math.random }: RpcClientOptions,
  { signal, mayRepeat = true }: CallOptions,
  attempt: (headers: Headers) => Promise<T>,
): Promise<T> {
  let headers = await auth?.headers({ signal }) ?? {};
  let isRenewed = auth === undefined;
  for (let failures = 0;;) {
    try {
      return await attempt(headers);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isRenewed && isCredentialRefused(error)) {
        isRenewed = true;
        headers = await auth?.headers({ signal, refused: headers }) ?? {};
        continue;
      }
      failures += 1;
      if (!mayRepeat || failures >= MAX_ATTEMPTS || !isPassing(error)) throw withRemedy(error, remedy);
      const pause = Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), MAX_BACKOFF_MS);
      await sleep(pause * (0.5 + random()), signal);
    }
  }
}

function isCredentialRefused(error: unknown): boolean {
  const code = rpcCodeOf(error);
  if (code === undefined || code === "permission_denied") return false;
  return code === "unknown" || isAuthRefusal(code, error instanceof AppError ? error.message : "");
}

function isPassing(error: unknown): boolean {
  const code = rpcCodeOf(error);
  if (code !== undefined) return RETRIED.has(code);
  return error instanceof AppError && error.code === "dial_failed";
}

interface AttemptOptions extends RpcClientOptions, CallOptions {
  readonly headers: Headers;
}

async function callOnce(method: string, request: Message, options: AttemptOptions): Promise<Message> {
  const { endpoint, http, headers, signal, timeoutMs } = options;
  const answer = await http.request({
    url: `${endpoint}/${method}`,
    method: "POST",
    headers: { ...protocolHeaders(RPC_CONTENT_TYPE), accept: RPC_CONTENT_TYPE, ...headers },
    body: JSON.stringify(request),
    signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  const message = answer.status === 200 && answer.contentType.includes("json") ? tryParseJson(answer.text) : undefined;
  if (message !== undefined) return asMessage(message);
  throw errorOfAnswer(method, { ...answer, text: withoutSent(answer.text, headers), host: endpointHost(endpoint) });
}

async function openStream(method: string, request: Message, options: AttemptOptions): Promise<Response> {
  const { endpoint, http, headers, signal } = options;
  const url = `${endpoint}/${method}`;
  const json = new TextEncoder().encode(JSON.stringify(request));
  const body = new Uint8Array(5 + json.length);
  new DataView(body.buffer).setUint32(1, json.length);
  body.set(json, 5);
  const response = await http.open({
    url,
    method: "POST",
    headers: { ...protocolHeaders("application/connect+json"), ...headers },
    body,
    signal,
  });
  const contentType = response.headers.get("content-type") ?? "";
  if (response.status === 200 && contentType.includes("connect+json")) return response;
  const redirectHost = redirectHostOf(response, url);
  throw errorOfAnswer(method, {
    status: response.status,
    contentType,
    text: withoutSent(await response.text(), headers),
    host: endpointHost(endpoint),
    ...(redirectHost === undefined ? {} : { redirectHost }),
  });
}

async function* readStream(method: string, response: Response, sent: Headers): AsyncGenerator<Message> {
  for await (const { isEnd, message } of readEnvelopes(response.body)) {
    if (!isEnd) {
      yield message;
      continue;
    }
    const error = messageField(message, "error");
    const code = textField(error, "code").toLowerCase();
    if (code) throw rpcError(method, { code, message: withoutSent(textField(error, "message"), sent) });
    return;
  }
  throw rpcError(method, { code: "unavailable", message: "the stream broke off" });
}

/** What is shown of a refusal: it may quote the credential. */
function withoutSent(text: string, headers: Headers): string {
  return redactValues(text, secretsOf(Object.entries(headers)));
}

function protocolHeaders(contentType: string): Headers {
  return { "content-type": contentType, "connect-protocol-version": "1", "x-request-id": crypto.randomUUID() };
}
