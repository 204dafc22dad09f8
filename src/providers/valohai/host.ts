import { AppError } from "../../base/errors.ts";
import { redactUrl } from "../../base/redact.ts";

/** Where Valohai itself runs it; private installations have a host of their own. */
export const DEFAULT_HOST = "https://app.valohai.com";

/**
 * The origin of the Valohai installation that `text` names: `app.valohai.com`, `https://vh.example.com/`.
 *
 * `source` is where the text comes from (`VALOHAI_HOST`), for the error.
 * @throws AppError `config_invalid` for what is no host, and for `http:` to another machine, where the log-in would go in
 * plain text.
 */
export function parseHost(text: string, source: string): URL {
  const url = tryUrl(text.includes("://") ? text : `https://${text}`);
  if (!url || !url.hostname || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    throw new AppError(
      "config_invalid",
      `Cannot use ${source} as the address of a Valohai installation: got ${JSON.stringify(redactUrl(text))}`,
      { hint: `Give it as a host or an https URL, such as ${DEFAULT_HOST}` },
    );
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    throw new AppError(
      "config_invalid",
      `Cannot use ${source} as the address of a Valohai installation: ${
        JSON.stringify(url.origin)
      } would carry the log-in in plain text`,
      { hint: `Use https://${url.host}` },
    );
  }
  return new URL(url.origin);
}

/** True for a name or address that stays on this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || hostname === "::1" ||
    /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** `url` if it is one, else null. */
export function tryUrl(url: string, base?: URL): URL | null {
  try {
    return new URL(url, base);
  } catch {
    return null; // Not a URL: the caller says what was needed.
  }
}
