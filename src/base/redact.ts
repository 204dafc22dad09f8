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
    .replace(
      /\b(Bearer|Basic)\s+(?!(?:auth|authentication|authorization|tokens?|credentials?)\b)[\w.~+/=-]{6,}/gi,
      `$1 ${REDACTED}`,
    )
    // "token expired" and "token endpoint" are what people must be able to read.
    .replace(/\b(Token)\s+(?=[A-Za-z.~+/=-]*[\d_]|[\w.~+/=-]{16})[\w.~+/=-]{6,}/gi, `$1 ${REDACTED}`)
    .replace(/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?/g, REDACTED)
    .replace(/(\/\/)[^/@\s:]*:[^/@\s]*@/g, `$1${REDACTED}@`);
}

/** Shorter ones are no secrets, and would take words out of the text. */
const MIN_SECRET = 6;

/** `text` without any of `secrets`: an answer may quote what it was sent. */
export function redactValues(text: string, secrets: Iterable<string>): string {
  const longestFirst = [...secrets].filter(({ length }) => length >= MIN_SECRET).sort((a, b) => b.length - a.length);
  return longestFirst.reduce((rest, secret) => rest.replaceAll(secret, REDACTED), text);
}

/** What is secret in `headers`: values without their scheme, and what Basic makes of `name:secret`. */
export function secretsOf(headers: Iterable<readonly [string, string]>): string[] {
  return [...headers].filter(([name]) => isSecretHeader(name)).flatMap(([, value]) => {
    const [, scheme = "", credentials = value] = /^(Bearer|Basic|Token)\s+(.*)$/i.exec(value) ?? [];
    return [credentials, ...(scheme.toLowerCase() === "basic" ? basicSecrets(credentials) : [])];
  });
}

function basicSecrets(credentials: string): string[] {
  try {
    const pair = atob(credentials);
    const secret = pair.slice(pair.indexOf(":") + 1);
    return [pair, secret, decodeURIComponent(secret.replaceAll("+", " "))];
  } catch {
    return []; // No base64, or not escaped: what stands in the header is covered as it is.
  }
}
