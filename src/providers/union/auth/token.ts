import { AppError } from "../../../base/errors.ts";

/** An access token and what is known of its life. Times are milliseconds since 1970. */
export interface Token {
  readonly accessToken: string;
  readonly refreshToken?: string;
  readonly obtainedAt: number;
  /** Unknown for an opaque token whose answer told no `expires_in`. */
  readonly expiresAt?: number;
}

// A token is renewed this long before it ends: an upgrade through several proxies takes seconds, not minutes.
const RENEW_BEFORE_MS = 60_000;
// What is assumed of a token that tells nothing; shorter than any life seen in identity providers' defaults.
const UNKNOWN_LIFE_MS = 15 * 60_000;

/** True while `token` can be sent and will still be good when it arrives. */
export function isFresh({ expiresAt, obtainedAt }: Token, now: number): boolean {
  if (expiresAt === undefined) return now < obtainedAt + UNKNOWN_LIFE_MS;
  // A token that lives for a minute or less in all is used for half of its life.
  const margin = Math.min(RENEW_BEFORE_MS, Math.max(0, expiresAt - obtainedAt) / 2);
  return now < expiresAt - margin;
}

/**
 * A token of `accessToken`, which ends when its `exp` claim says (RFC 7519 4.1.4), else after `expiresInSeconds`.
 *
 * @throws AppError `auth_denied` for an empty token or one that cannot stand in a header.
 */
export function makeToken(
  accessToken: string,
  { now, expiresInSeconds, refreshToken }: {
    readonly now: number;
    readonly expiresInSeconds?: number | undefined;
    readonly refreshToken?: string | undefined;
  },
): Token {
  if (!/^[\x21-\x7e]+$/.test(accessToken)) {
    throw new AppError("auth_denied", "The log-in gave no usable token: needed one word of printable characters", {
      hint: "Look at what gives it: the command of the configuration, or the deployment's identity provider",
    });
  }
  const expiresAt = jwtExpiry(accessToken) ??
    (expiresInSeconds !== undefined && expiresInSeconds > 0 ? now + expiresInSeconds * 1000 : undefined);
  return {
    accessToken,
    obtainedAt: now,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(refreshToken ? { refreshToken } : {}),
  };
}

function jwtExpiry(token: string): number | undefined {
  const [, payload] = token.split(".");
  if (!payload || token.split(".").length !== 3) return undefined;
  try {
    const bytes = Uint8Array.fromBase64(payload, { alphabet: "base64url" });
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    const exp = typeof claims === "object" && claims !== null && "exp" in claims ? claims.exp : undefined;
    return typeof exp === "number" ? exp * 1000 : undefined;
  } catch {
    return undefined; // Not a JWT, though it has two dots.
  }
}
