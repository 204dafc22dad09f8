import { AppError, type ErrorCode } from "../../base/errors.ts";
import { oneLine } from "../../base/printable.ts";
import { redactText } from "../../base/redact.ts";
import type { HttpAnswer } from "./http.ts";
import { describeWebPage } from "./web_page.ts";
import { asMessage, textField, tryParseJson } from "./wire.ts";

const CODES: Readonly<Record<string, ErrorCode>> = {
  not_found: "not_found",
  already_exists: "already_exists",
  unauthenticated: "auth_denied",
  permission_denied: "auth_denied",
  deadline_exceeded: "timeout",
};
// Connect protocol, "HTTP to Error Code", and what a proxy in between answers.
const HTTP_CODES: Readonly<Record<number, string>> = {
  400: "internal",
  401: "unauthenticated",
  403: "permission_denied",
  404: "unimplemented",
  429: "unavailable",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};
const HINTS: Readonly<Record<string, string>> = {
  invalid_argument: "Look at the names that were given: --name, --project, --domain",
  failed_precondition: "Look at the run as it is now: porthole list --on union",
  unimplemented: "Check admin.endpoint: porthole auth status shows whose it is; a Flyte of version 1 has no such API",
};
const OUTAGE_HINT = "That is the platform's side: try again in a minute";
const LOGIN_HINT = "porthole auth login";
const PERMISSION_HINT = "Ask for access to the project, or be somebody else: porthole auth login";

/** What the error of a call says, in the Connect protocol's words: `unavailable`, `unauthenticated`, ... */
export function rpcCodeOf(error: unknown): string | undefined {
  const code = error instanceof AppError ? error.details?.rpcCode : undefined;
  return typeof code === "string" ? code : undefined;
}

/** The error that an answer of `host` stands for which is not a message with status 200. */
export function errorOfAnswer(method: string, answer: HttpAnswer & { readonly host: string }): AppError {
  const { status, redirectHost } = answer;
  if (redirectHost !== undefined) return redirectError(method, redirectHost);
  const page = describeWebPage(answer);
  if (page !== undefined) return webPageError(method, { ...answer, page });
  if (answer.contentType.includes("json") && status !== 200) {
    const error = asMessage(tryParseJson(answer.text));
    return rpcError(method, {
      code: textField(error, "code").toLowerCase() || HTTP_CODES[status] || "unknown",
      message: textField(error, "message"),
    });
  }
  return rpcError(method, {
    code: status === 200 ? "unimplemented" : HTTP_CODES[status] ?? "unknown",
    message: `HTTP ${status}, ${JSON.stringify(answer.contentType || "no content type")} in place of JSON`,
  });
}

/** The error of a call that the server answered with one of its own. */
export function rpcError(method: string, { code, message }: { code: string; message: string }): AppError {
  const name = method.slice(method.lastIndexOf("/") + 1);
  const said = oneLine(redactText(message)) || "no message";
  const appCode = isAuthRefusal(code, message) ? "auth_denied" : CODES[code] ?? "provider_failed";
  const loginHint = code === "permission_denied" ? PERMISSION_HINT : LOGIN_HINT;
  return new AppError(appCode, `The control plane refused ${name}: ${said} (${code})`, {
    hint: appCode === "auth_denied" ? loginHint : HINTS[code] ?? OUTAGE_HINT,
    details: { rpc: method, rpcCode: code },
  });
}

/** Some servers put a refusal of the credential under another code, but say it. */
export function isAuthRefusal(code: string, message: string): boolean {
  return code === "unauthenticated" || code === "permission_denied" || /unauthorized|unauthenticated/i.test(message);
}

/** `error` with `remedy` for its hint, if it is a credential that was refused and there is one. */
export function withRemedy(error: unknown, remedy: string | undefined): unknown {
  if (remedy === undefined || !(error instanceof AppError) || !error.hint?.startsWith(LOGIN_HINT)) return error;
  const { code, message, details = {}, cause } = error;
  return new AppError(code, message, { hint: remedy, details, cause });
}

function redirectError(method: string, host: string): AppError {
  return new AppError("redirected", `The control plane sent the call to a log-in page on ${JSON.stringify(host)}`, {
    hint: `${LOGIN_HINT}; if you are logged in, check the endpoint in the configuration`,
    details: { rpc: method, rpcCode: "unauthenticated", host },
  });
}

function webPageError(
  method: string,
  { status, host, page }: HttpAnswer & { readonly host: string; readonly page: string },
): AppError {
  const code = status === 200 ? "unimplemented" : HTTP_CODES[status] ?? "unknown";
  const isRefusal = status === 401 || status === 403;
  return new AppError(
    isRefusal ? "auth_denied" : "provider_failed",
    `${JSON.stringify(host)} answered with ${page} (HTTP ${status}) where the control plane was expected`,
    {
      hint: isRefusal
        ? LOGIN_HINT
        : status >= 500
        ? OUTAGE_HINT
        : "Check admin.endpoint: it must be the control plane, not its console or a log-in page; porthole auth status shows whose it is",
      details: { rpc: method, rpcCode: code },
    },
  );
}
