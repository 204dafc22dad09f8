import { deadline, sleep as realSleep } from "../../base/abort.ts";
import { AppError, toAppError } from "../../base/errors.ts";
import { VERSION } from "../../base/version.ts";
import {
  type CallContext,
  explainFetch,
  explainGarbage,
  explainPage,
  explainRedirect,
  explainStatus,
  TAKEN_HINT,
} from "./api_errors.ts";
import { tryUrl } from "./host.ts";

/** Tries of a GET altogether; a POST is never sent twice, since the first may have been taken. */
const MAX_TRIES = 5;
/** Where nobody answers at all: a wrong host should not take long to be told. */
const MAX_SILENT_TRIES = 3;
const FIRST_BACKOFF_MS = 500;
/** What a `Retry-After` may ask for at most; beyond that the error is the better answer. */
const MAX_RETRY_AFTER_MS = 30_000;
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 5;

/** Who asks whom. Holds a secret. */
export interface ApiAccount {
  readonly host: URL;
  readonly token: string;
  readonly tokenSource: string;
}

/** What an {@link ApiClient} takes from outside, so that tests need not wait. */
export interface ApiClientDependencies {
  readonly fetch?: typeof globalThis.fetch;
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** One call. */
export interface CallOptions {
  /** What it is for, behind "Cannot": `read execution #12`. */
  readonly purpose: string;
  readonly signal?: AbortSignal | undefined;
}

/** A try that may be made again. */
interface FailedTry {
  readonly error: AppError;
  readonly retryAfterMs: number;
  readonly maxTries: number;
}

/**
 * Valohai's REST API: JSON both ways, `Authorization: Token ...` to the account's own host and to nobody else.
 *
 * @throws AppError `auth_denied`, `not_found`, `provider_failed`, `redirected`, `dial_failed`, `tls_failed`, `timeout`.
 */
export class ApiClient {
  readonly #account: ApiAccount;
  readonly #fetch: typeof globalThis.fetch;
  readonly #sleep: (ms: number, signal?: AbortSignal) => Promise<void>;

  constructor(account: ApiAccount, { fetch = globalThis.fetch, sleep = realSleep }: ApiClientDependencies = {}) {
    this.#account = account;
    this.#fetch = fetch;
    this.#sleep = sleep;
  }

  get host(): URL {
    return this.#account.host;
  }

  /** The JSON at `path` (or at a URL that an earlier answer named). Tried again on 429, 5xx and when nobody answers. */
  async get(path: string, options: CallOptions): Promise<unknown> {
    const url = this.#ownUrl(path, options.purpose);
    for (let tried = 1;; tried++) {
      const outcome = await this.#tryGet(url, options);
      if ("value" in outcome) return outcome.value;
      if (tried >= outcome.maxTries || outcome.retryAfterMs > MAX_RETRY_AFTER_MS) throw outcome.error;
      await this.#sleep(Math.max(outcome.retryAfterMs, FIRST_BACKOFF_MS * 2 ** (tried - 1)), options.signal);
    }
  }

  /** Sends `body` (none when it is undefined), once. Resolves to the answer's JSON, null for an empty one. */
  async post(path: string, { body, ...options }: CallOptions & { readonly body?: unknown }): Promise<unknown> {
    const url = this.#ownUrl(path, options.purpose);
    const response = await this.#send(url, {
      ...options,
      init: {
        method: "POST",
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
      },
    });
    const context = this.#context(options.purpose);
    if (response.status >= 300 && response.status < 400) return await refuseRedirect(response, context);
    if (!response.ok) throw await explainStatus(response, context);
    return await readJson(response, context, { mayBeText: body === undefined });
  }

  async #tryGet(
    url: URL,
    options: CallOptions,
  ): Promise<{ readonly value: unknown } | FailedTry> {
    const context = this.#context(options.purpose);
    let response: Response;
    try {
      response = await this.#follow(url, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      const failure = toAppError(error);
      if (failure.code === "dial_failed" || failure.code === "timeout") {
        return { error: failure, retryAfterMs: 0, maxTries: MAX_SILENT_TRIES };
      }
      throw failure;
    }
    if (response.ok) return { value: await readJson(response, context) };
    const retryAfterMs = retryAfter(response.headers.get("retry-after"));
    const error = await explainStatus(response, context);
    if (response.status !== 429 && response.status < 500) throw error;
    return { error, retryAfterMs, maxTries: MAX_TRIES };
  }

  /** Follows redirects that stay on the host: only there may the token go. */
  async #follow(start: URL, options: CallOptions): Promise<Response> {
    let url = start;
    for (let redirects = 0;; redirects++) {
      const response = await this.#send(url, { ...options, init: { method: "GET" } });
      if (response.status < 300 || response.status >= 400) return response;
      const location = response.headers.get("location");
      const next = location === null ? null : tryUrl(location, url);
      if (next?.origin !== this.host.origin || redirects === MAX_REDIRECTS || next.href === url.href) {
        return await refuseRedirect(response, this.#context(options.purpose));
      }
      await response.body?.cancel();
      url = next;
    }
  }

  async #send(url: URL, { init, purpose, signal }: CallOptions & { readonly init: RequestInit }): Promise<Response> {
    signal?.throwIfAborted();
    using limit = deadline(REQUEST_TIMEOUT_MS, {
      signal,
      reason: () =>
        new AppError("timeout", `Cannot ${purpose}: ${this.host.origin} did not answer within 30s`, {
          hint: init.method === "GET" ? "Look at the network and at VALOHAI_HOST" : TAKEN_HINT,
        }),
    });
    try {
      const response = await this.#fetch(url, {
        ...init,
        redirect: "manual",
        signal: limit.signal,
        headers: {
          ...init.headers as Record<string, string> | undefined,
          Accept: "application/json",
          Authorization: `Token ${this.#account.token}`,
          "User-Agent": `porthole/${VERSION}`,
        },
      });
      return await buffered(response, this.#account.token);
    } catch (error) {
      if (limit.signal.aborted) throw limit.signal.reason;
      throw explainFetch(error, { ...this.#context(purpose), isPost: init.method === "POST" });
    }
  }

  /**
   * `path` on the account's host. A full URL must name that host too, but its scheme and port may be those that the
   * server believes in behind its reverse proxy.
   */
  #ownUrl(path: string, purpose: string): URL {
    const url = tryUrl(path, this.host);
    if (url?.hostname === this.host.hostname) return new URL(url.pathname + url.search, this.host);
    throw new AppError(
      "provider_failed",
      `Cannot ${purpose}: ${this.host.origin} names ${
        JSON.stringify(url?.origin ?? path.slice(0, 80))
      } for it, and the log-in is not sent to another host`,
      { hint: "Set VALOHAI_HOST to the address that the installation itself uses" },
    );
  }

  #context(purpose: string): CallContext {
    return { purpose, host: this.host, tokenSource: this.#account.tokenSource };
  }
}

/**
 * The whole answer in memory, so that the request's deadline covers its body as well. A server that says the token back
 * does not bring it into an error or a log.
 */
async function buffered(response: Response, token: string): Promise<Response> {
  const withoutToken = (text: string) => text.replaceAll(token, "[redacted]");
  const body = withoutToken(await response.text());
  const { status, statusText } = response;
  const headers = new Headers([...response.headers].map(([name, value]) => [name, withoutToken(value)]));
  const mayHaveBody = status !== 204 && status !== 205 && status !== 304;
  return new Response(mayHaveBody ? body : null, { status, statusText: withoutToken(statusText), headers });
}

async function refuseRedirect(response: Response, context: CallContext): Promise<never> {
  await response.body?.cancel();
  throw explainRedirect(response.headers.get("location"), context);
}

async function readJson(
  response: Response,
  context: CallContext,
  { mayBeText = false }: { mayBeText?: boolean } = {},
): Promise<unknown> {
  const text = await response.text();
  if (text.trim() === "") return null;
  if (text.trimStart().startsWith("<")) throw explainPage(text, context);
  try {
    return JSON.parse(text);
  } catch {
    if (mayBeText) return text;
    throw explainGarbage(text, context);
  }
}

/** RFC 9110 10.2.3: seconds, or a date. */
function retryAfter(header: string | null): number {
  if (header === null) return 0;
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1000;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
