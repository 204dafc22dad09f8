import { AppError } from "../../../base/errors.ts";
import { oneLine } from "../../../base/printable.ts";
import { redactText, redactUrl, redactValues, secretsOf } from "../../../base/redact.ts";
import { mayCarryCredentials } from "../endpoint.ts";
import type { Http, HttpAnswer } from "../http.ts";
import { describeWebPage } from "../web_page.ts";
import { asMessage, countField, type Message, textField, tryParseJson } from "../wire.ts";
import { makeToken, type Token } from "./token.ts";

/** What every log-in flow works with. */
export interface OAuthDeps {
  readonly http: Http;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** One POST of a form to an identity provider. */
export interface OAuthForm {
  readonly url: string;
  /** Values that are empty are left out. */
  readonly form: Readonly<Record<string, string>>;
  /** The whole value of `authorization`, for a client with a secret. */
  readonly authorization?: string;
}

/**
 * The token that a token endpoint answers with (RFC 6749 5.1).
 *
 * @throws AppError `auth_denied` with `details.oauthError` (RFC 6749 5.2) when it refuses.
 */
export async function requestToken(request: OAuthForm, deps: OAuthDeps): Promise<Token> {
  const message = await postForm(request, deps);
  const expiresInSeconds = countField(message, "expires_in");
  return makeToken(textField(message, "access_token"), {
    now: deps.now(),
    expiresInSeconds,
    refreshToken: textField(message, "refresh_token"),
  });
}

/** The JSON that an OAuth endpoint answers a form with. @throws the same. */
export async function postForm(request: OAuthForm, deps: OAuthDeps): Promise<Message> {
  const { url, form, authorization } = request;
  const { http, signal } = deps;
  if (!mayCarryCredentials(url)) {
    throw new AppError("config_invalid", `Refused to log in over plain HTTP at ${JSON.stringify(new URL(url).host)}`, {
      hint: "The deployment tells an http:// address for tokens: ask whoever runs it for an https:// one",
    });
  }
  const answer = await http.request({
    url,
    method: "POST",
    headers: {
      accept: "application/json",
      "cache-control": "no-cache",
      "content-type": "application/x-www-form-urlencoded",
      ...(authorization === undefined ? {} : { authorization }),
    },
    body: new URLSearchParams(Object.entries(form).filter(([, value]) => value !== "")).toString(),
    signal,
  });
  const message = tryParseJson(answer.text);
  if (answer.status === 200 && message !== undefined) return asMessage(message);
  throw refusal(request, { answer, message: asMessage(message) });
}

/** The `error` member of a refusal: `authorization_pending`, `invalid_grant`, ... */
export function oauthErrorOf(error: unknown): string | undefined {
  const code = error instanceof AppError ? error.details?.oauthError : undefined;
  return typeof code === "string" ? code : undefined;
}

// Of the fields that a form has; the others are shown in the browser's address line.
const SECRET_FIELDS = ["code", "code_verifier", "device_code", "refresh_token", "state"];

function refusal(
  { url, form, authorization = "" }: OAuthForm,
  { answer, message }: { answer: HttpAnswer; message: Message },
): AppError {
  const { host } = new URL(url);
  const sent = [...SECRET_FIELDS.map((name) => form[name] ?? ""), ...secretsOf([["authorization", authorization]])];
  const shown = (text: string) => oneLine(redactText(redactValues(text, sent)));
  const error = shown(textField(message, "error"));
  const said = shown(textField(message, "error_description")) || error || shown(describeAnswer(answer));
  return new AppError(
    answer.status >= 500 ? "provider_failed" : "auth_denied",
    `The log-in at ${JSON.stringify(host)} was refused: ${said} (HTTP ${answer.status})`,
    {
      hint: refusalHint(url, { answer, error }),
      details: { oauthError: error || `http_${answer.status}`, httpStatus: answer.status },
    },
  );
}

function refusalHint(url: string, { answer, error }: { answer: HttpAnswer; error: string }): string {
  if (answer.status >= 500) return "The identity provider has a problem of its own: try again";
  if (error === "") return `The deployment tells ${redactUrl(url)} as its token endpoint: ask whoever runs it`;
  return error === "invalid_client"
    ? "Check the client id and its secret in the configuration, or FLYTE_API_KEY; if the key was revoked: porthole auth api-key ensure"
    : "porthole auth login";
}

/** What came in place of a token or an error of OAuth. */
function describeAnswer(answer: HttpAnswer): string {
  if (answer.redirectHost !== undefined) return `it points to a page on ${JSON.stringify(answer.redirectHost)}`;
  return `it answered with ${describeWebPage(answer) ?? "no JSON"}`;
}
