const SECRET_HEADERS = /^(?:proxy-)?(?:[\w-]*authorization|cookie|set-cookie|x-api-key|[\w-]*token|[\w-]*secret)$/i;
const SECRET_QUERY = /token|secret|password|passwd|signature|credential|api[-_]?key|^(?:sig|key|code|auth)$/i;
const REDACTED = "[redacted]";

/** True for a header whose value must not be shown: `Authorization`, `Cookie`, `flyte-authorization`, ... */
export function isSecretHeader(name: string): boolean {
  return SECRET_HEADERS.test(name);
}

/** `url` fit to be shown: the password and the values of query parameters that look like credentials are gone. */
export function redactUrl(url: string | URL): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    // Not a URL: nothing that this function knows how to find can stand in it but userinfo.
    return String(url).replace(/\/\/[^/@\s]*@/, `//${REDACTED}@`);
  }
  if (parsed.password || parsed.username) {
    parsed.username = "";
    parsed.password = "";
  }
  for (const name of [...parsed.searchParams.keys()]) {
    if (SECRET_QUERY.test(name)) parsed.searchParams.set(name, REDACTED);
  }
  return parsed.href.replaceAll(encodeURIComponent(REDACTED), REDACTED);
}

/** `text` with bearer tokens, Basic credentials, JWTs and private keys taken out: the last net before a log or an error. */
export function redactText(text: string): string {
  return text
    .replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, REDACTED)
    .replace(/\b(Bearer|Basic|Token)\s+[A-Za-z0-9._~+/=-]{6,}/gi, `$1 ${REDACTED}`)
    .replace(/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?/g, REDACTED)
    .replace(/(\/\/)[^/@\s:]*:[^/@\s]*@/g, `$1${REDACTED}@`);
}
