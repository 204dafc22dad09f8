import { deadline } from "../base/abort.ts";
import { AppError } from "../base/errors.ts";
import { readCaCertificates } from "../stream/ca_certificates.ts";
import { type CredentialSource, gatherHeaders, outboundProxyFor } from "../stream/dial_route.ts";
import { httpGet } from "../stream/http_get.ts";
import type { TargetRoute } from "./target.ts";

const PATH = ".well-known/porthole";
/** Asked for by its type too, since an ingress may rewrite the path: the agent answers to either. */
const MEDIA_TYPE = "application/vnd.porthole+json";
const TIMEOUT_MS = 10_000;
const KEY_LINE = /^(?:ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*(?: |$)/;

/** Options of {@link askHostKeys}. */
export interface AskHostKeysOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly credential?: CredentialSource | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The host keys that a porthole agent tells behind `route`, as public key lines; empty where none answers.
 *
 * A foreign pod answers `ok` or a page to this question, which is no failure: whether the route works is for the
 * handshake to tell. The keys are as trustworthy as the route they came over.
 */
export async function askHostKeys(route: TargetRoute, options: AskHostKeysOptions): Promise<readonly string[]> {
  if (route.kind !== "websocket") return [];
  try {
    return parseAnswer(await fetchAnswer(route, options));
  } catch (error) {
    if (options.signal?.aborted) throw error;
    return [];
  }
}

function questionUrl(route: string): URL {
  const url = new URL(route);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/${PATH}`;
  return url;
}

async function fetchAnswer(
  route: Extract<TargetRoute, { kind: "websocket" }>,
  options: AskHostKeysOptions,
): Promise<string> {
  const [headers, caCerts] = await Promise.all([
    gatherHeaders(route, options),
    readCaCertificates(route.caFile, options.env),
  ]);
  using limit = deadline(TIMEOUT_MS, {
    signal: options.signal,
    reason: () => new AppError("timeout", "No answer about host keys"),
  });
  const url = questionUrl(route.url);
  const { status, body } = await httpGet(url, {
    headers: [...headers, ["Accept", MEDIA_TYPE]],
    caCerts,
    outboundProxy: outboundProxyFor(url, options.env),
    signal: limit.signal,
  });
  return status === 200 ? body : "";
}

function parseAnswer(text: string): readonly string[] {
  if (!text.startsWith("{")) return [];
  const { hostKeys }: { hostKeys?: unknown } = JSON.parse(text);
  return Array.isArray(hostKeys) ? hostKeys.filter((line) => typeof line === "string" && KEY_LINE.test(line)) : [];
}
