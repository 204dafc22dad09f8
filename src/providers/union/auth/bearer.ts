import type { StoredToken } from "./token_store.ts";

/** The headers that carry `token`. */
export function bearerHeaders({ headerNames, accessToken }: StoredToken): Record<string, string> {
  return Object.fromEntries(headerNames.map((name) => [name, `Bearer ${accessToken}`]));
}

/** The token in headers that {@link bearerHeaders} made. */
export function bearerOf(headers: Readonly<Record<string, string>>): string | undefined {
  return headers.authorization?.replace(/^Bearer /, "");
}
