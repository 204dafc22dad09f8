import { AppError } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";
import { redactUrl } from "../base/redact.ts";

/** As many as a browser's patience for one host's own detours. */
export const MAX_REDIRECTS = 5;

/** Where people are sent to log in: nginx's `auth-signin`, OAuth, single sign-on. */
const LOGIN_PATH = /log-?in|sign-?in|oauth|openid|saml|sso|\/auth/i;

/** True for a status that sends the client elsewhere (RFC 9110 15.4). */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/**
 * The URL to go on with: only on the same host and port, or from ws to wss on the same host, so that no header reaches
 * anybody else.
 *
 * @throws AppError `redirected` that names the host which it points to
 */
export function followRedirect(from: URL, { status, location }: { status: number; location: string }): URL {
  const to = parseLocation(from, location);
  if (!to) {
    throw new AppError(
      "redirected",
      `${redactUrl(from)} answered ${status} with a Location that is no URL: ${JSON.stringify(oneLine(location, 80))}`,
      {
        hint: "Check the URL",
        details: { status, url: redactUrl(from) },
      },
    );
  }
  const isLogin = LOGIN_PATH.test(`${to.hostname}${to.pathname}`);
  if (isSameServer(from, to) && !isLogin) return to;
  const place = isLogin ? `a log-in page on ${to.host}` : `the host ${to.host}`;
  throw new AppError("redirected", `${redactUrl(from)} answered ${status} and points to ${place}`, {
    hint: isLogin || to.host !== from.host
      ? "The credentials are missing or have expired: log in again (porthole auth login), or renew the headers file"
      : "Use the URL that it points to",
    details: { status, url: redactUrl(from), host: to.host },
  });
}

function parseLocation(from: URL, location: string): URL | undefined {
  try {
    const to = new URL(location, from);
    if (to.protocol === "https:") to.protocol = "wss:";
    else if (to.protocol === "http:") to.protocol = "ws:";
    to.username = to.password = to.hash = "";
    return to.protocol === "wss:" || to.protocol === "ws:" ? to : undefined;
  } catch {
    return undefined;
  }
}

function isSameServer(from: URL, to: URL): boolean {
  if (from.hostname !== to.hostname) return false;
  if (from.protocol === to.protocol) return from.port === to.port;
  return from.protocol === "ws:" && to.protocol === "wss:" && from.port === "" && to.port === "";
}
