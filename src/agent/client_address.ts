import { headerValue, type HttpHead } from "../stream/http_head.ts";

/** What proxies add that pass a request on for somebody else (RFC 7239, and what came before it). */
const FORWARDED = ["forwarded", "x-forwarded-for", "via"];

/** Options of {@link clientAddress}. */
export interface ClientAddressOptions {
  /** Where the connection comes from. */
  readonly hostname: string;
  /** The header in which the ingress tells the client's address, if there is one. */
  readonly header?: string | undefined;
}

/**
 * What a client is told apart by, as far as it can be: the last entry of `header`, which the nearest ingress wrote, else
 * where the connection comes from. Undefined where that is an ingress, behind which everybody has the same address.
 */
export function clientAddress(
  head: HttpHead | undefined,
  { hostname, header }: ClientAddressOptions,
): string | undefined {
  if (!head) return hostname;
  const told = header === undefined ? undefined : headerValue(head, header.toLowerCase());
  const last = told?.split(",").at(-1)?.trim();
  if (last) return last;
  return FORWARDED.some((name) => head.headers.has(name)) ? undefined : hostname;
}
