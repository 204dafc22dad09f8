import { AppError, type ErrorCode } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";
import { isSecretHeader, redactText, redactUrl, redactValues, secretsOf } from "../base/redact.ts";
import type { HeaderFields } from "./header_fields.ts";
import { headerValue, type HttpHead } from "./http_head.ts";

/** What came back in place of a 101. */
export interface Refusal {
  readonly head: HttpHead;
  readonly status: number;
  /** The beginning of the body. */
  readonly body: string;
  /** What was sent; none of it is shown. */
  readonly headers: HeaderFields;
}

/**
 * The error for an answer that is neither 101 nor a redirect: `auth_denied` for 401 and 403, `route_not_ready` for 404,
 * 429, 502, 503 and 504, else `handshake_failed`. `details` has `status`, `url` and, if told, `retryAfterMs`.
 */
export function refusal(url: URL, { head, status, body, headers }: Refusal): AppError {
  const place = redactUrl(url);
  const shown = (text: string) => redactText(redactValues(text, secretsOf(headers)));
  const answer = oneLine(shown(head.startLine.replace(/^HTTP\/1\.\d /, "")), 60);
  const said = oneLine(shown(bodyText(head, body)), 120);
  const message = `${place} answered ${answer}${said ? `: ${JSON.stringify(said)}` : ""}`;
  const { code, hint } = explain(status, headers);
  const retryAfterMs = parseRetryAfter(headerValue(head, "retry-after"));
  const details = { status, url: place, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return new AppError(code, message, { hint, details });
}

function explain(status: number, headers: HeaderFields): { code: ErrorCode; hint: string } {
  const hasCredentials = headers.some(([name]) => isSecretHeader(name));
  switch (status) {
    case 401:
      return {
        code: "auth_denied",
        hint: hasCredentials
          ? "It refused the credentials that were sent, which may have expired: log in again (porthole auth login), or renew the headers file"
          : "No credentials were sent: log in, or give them with --headers-file",
      };
    case 403:
      return {
        code: "auth_denied",
        hint: "These credentials are not allowed in here: ask whoever owns the run for access",
      };
    case 404:
    case 502:
    case 503:
    case 504:
      return {
        code: "route_not_ready",
        hint: "The route to the job is not up yet, or the job has ended: wait with --wait 60s, or look whether it runs",
      };
    case 429:
      return { code: "route_not_ready", hint: "Too many requests: wait a moment, or with --wait 60s" };
    default:
      return {
        code: "handshake_failed",
        hint: status >= 500
          ? "The server itself failed: try again, or look at its log"
          : "Check the URL: what answers there is no WebSocket",
      };
  }
}

/** A body that is text for people. A page of HTML says nothing in one line but its title. */
function bodyText(head: HttpHead, body: string): string {
  const isHtml = /html/i.test(headerValue(head, "content-type") ?? "") || /^\s*</.test(body);
  return isHtml ? /<title[^>]*>([^<]*)/i.exec(body)?.[1] ?? "" : body;
}

function parseRetryAfter(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) * 1000 : undefined;
}
