import { AppError, describeError } from "../../base/errors.ts";
import { oneLine } from "../../base/printable.ts";
import { redactUrl } from "../../base/redact.ts";
import { isFields } from "./wire.ts";

/** Which call failed, as its error tells it. Holds no secret. */
export interface CallContext {
  /** What was to be done, behind "Cannot": `read execution #12`. */
  readonly purpose: string;
  readonly host: URL;
  /** Where the token came from: `VALOHAI_TOKEN`. */
  readonly tokenSource: string;
}

/** Bytes of an answer's text that are looked at for its message. */
const MAX_BODY_CHARS = 64 * 1024;

/** What the API's refusal means: the code, a sentence with its own words in it, and what to do. Reads the body. */
export async function explainStatus(response: Response, context: CallContext): Promise<AppError> {
  const { purpose, host, tokenSource } = context;
  const text = (await response.text().catch(() => "")).slice(0, MAX_BODY_CHARS);
  const words = apiMessage(text);
  const said = words ? `: ${words}` : "";
  const details = { status: response.status, host: host.origin };
  switch (response.status) {
    case 401:
      return new AppError(
        "auth_denied",
        `Cannot ${purpose}: Valohai does not accept the token of ${tokenSource}${said}`,
        {
          hint: loginHint(host, tokenSource),
          details,
        },
      );
    case 403:
      return new AppError("auth_denied", `Cannot ${purpose}: Valohai does not allow it to this account${said}`, {
        hint: `Ask for access to the project, or log in as somebody who has it: ${loginHint(host, tokenSource)}`,
        details,
      });
    case 404:
      return new AppError("not_found", `Cannot ${purpose}: Valohai does not know it${said}`, {
        hint: "porthole list --on valohai shows what is there; --project or VALOHAI_PROJECT says in which project",
        details,
      });
  }
  if (response.status >= 500 || response.status === 429) {
    return new AppError(
      "provider_failed",
      `Cannot ${purpose}: ${host.host} answered ${response.status} ${response.statusText}`.trimEnd() + said,
      { hint: "That is Valohai's side: try again in a minute", details },
    );
  }
  return new AppError(
    "provider_failed",
    `Cannot ${purpose}: Valohai refused it with ${response.status}${said}`,
    { hint: "Look at what the command was given, --project and --host above all", details },
  );
}

/** A redirect that is not followed: where it led tells what stands in the way. */
export function explainRedirect(location: string | null, { purpose, host, tokenSource }: CallContext): AppError {
  const target = redactUrl(location ?? "nowhere");
  const isLogin = /log-?in|sign-?in|\bauth|sso|oauth|accounts?\b/i.test(target);
  return new AppError(
    "redirected",
    `Cannot ${purpose}: ${host.host} leads to ${JSON.stringify(oneLine(target))}${
      isLogin ? ", a log-in page," : ""
    } instead of answering`,
    {
      hint: isLogin
        ? loginHint(host, tokenSource)
        : "Set VALOHAI_HOST to the address that the installation itself has; the log-in is not sent anywhere else",
      details: { host: host.origin },
    },
  );
}

/** A page in place of JSON: a proxy, a log-in page or another site. */
export function explainPage(text: string, { purpose, host, tokenSource }: CallContext): AppError {
  const title = oneLine(/<title[^>]*>([^<]*)/i.exec(text)?.[1] ?? "", 80);
  const isLogin = /log ?-?in|sign ?-?in|password/i.test(title || text.slice(0, 4096));
  return new AppError(
    "provider_failed",
    `Cannot ${purpose}: ${host.origin} answered with a ${isLogin ? "log-in page" : "web page"}${
      title ? ` (${JSON.stringify(title)})` : ""
    } in place of JSON`,
    {
      hint: isLogin
        ? loginHint(host, tokenSource)
        : "Look whether VALOHAI_HOST names the installation itself and no proxy or portal stands before it",
      details: { host: host.origin },
    },
  );
}

/** An answer that is neither JSON nor a page. */
export function explainGarbage(text: string, { purpose, host }: CallContext): AppError {
  return new AppError(
    "provider_failed",
    `Cannot ${purpose}: needed JSON from ${host.origin}, found ${JSON.stringify(oneLine(text, 60))}`,
    { hint: "Look whether VALOHAI_HOST names a Valohai installation", details: { host: host.origin } },
  );
}

/** What is true of a request whose answer was lost. */
export const TAKEN_HINT = "It may have been taken all the same: porthole list --on valohai shows it then";

/** No answer at all: no such name, nobody listens, a certificate that does not fit, a connection that broke. */
export function explainFetch(
  error: unknown,
  { purpose, host, isPost }: CallContext & { readonly isPost: boolean },
): AppError {
  const reason = oneLine(fetchReason(error));
  const isTls = /certificate|tls|UnknownIssuer|NotValidForName/i.test(reason);
  return new AppError(
    isTls ? "tls_failed" : "dial_failed",
    `Cannot ${purpose}: ${host.origin} is out of reach: ${reason}`,
    {
      hint: isTls
        ? "An installation with a certificate authority of its own: name its PEM file in REQUESTS_CA_BUNDLE"
        : fetchHint(reason, isPost),
      details: { host: host.origin },
      cause: error,
    },
  );
}

function fetchHint(reason: string, isPost: boolean): string {
  if (/tunnel|proxy/i.test(reason)) return "Look at HTTPS_PROXY: the proxy that it names did not let this through";
  const wasNeverSent = /refused|dns|resolve|lookup|unreachable|blocked/i.test(reason);
  return isPost && !wasNeverSent ? TAKEN_HINT : "Look at the network and at VALOHAI_HOST";
}

/** Why a fetch failed, without the URL and the layers that Deno puts before it. */
function fetchReason(error: unknown): string {
  let deepest = error;
  while (deepest instanceof Error && deepest.cause) deepest = deepest.cause;
  const reason = describeError(deepest)
    .replace(/^.*?error sending request (?:from \S+ )?for \S+(?: \([^)]*\))*:?\s*/i, "")
    .replace(/^(?:client error \([^)]*\)|tcp connect error): /i, "")
    .replace(/^tcp connect error: /i, "");
  return reason || "no answer";
}

function loginHint(host: URL, tokenSource: string): string {
  const page = `${host.origin}/auth/tokens/`;
  return tokenSource === "VALOHAI_TOKEN"
    ? `Set VALOHAI_TOKEN to one from ${page}`
    : `porthole auth login --on valohai --host ${host.origin}, with one from ${page}`;
}

/**
 * The words of a Django REST framework error: `{"detail": "..."}`, or `{"field": ["..."]}` for a refused field, however
 * deep; empty when there are none.
 */
export function apiMessage(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text.trimStart().startsWith("<") ? "" : oneLine(text);
  }
  return oneLine(flatten(value).join("; "), 400);
}

function flatten(value: unknown, name = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => flatten(each, name));
  if (isFields(value)) {
    return Object.entries(value).flatMap(([key, each]) =>
      flatten(each, /^(?:detail|message|non_field_errors|code)$/.test(key) ? name : name ? `${name}.${key}` : key)
    );
  }
  if (value === null || value === undefined || value === "") return [];
  return [name ? `${name}: ${String(value)}` : String(value)];
}
