import { AppError, describeError } from "../../../base/errors.ts";
import type { AuthMetadata } from "./discovery.ts";
import { makeToken, type Token } from "./token.ts";
import { type OAuthDeps, requestToken } from "./token_endpoint.ts";

/** Client credentials (RFC 6749 4.4), the secret in a Basic header (2.3.1). */
export async function loginWithClientSecret(
  { metadata, clientId, clientSecret, scopes }: {
    readonly metadata: AuthMetadata;
    readonly clientId: string;
    readonly clientSecret: string;
    readonly scopes: readonly string[];
  },
  deps: OAuthDeps,
): Promise<Token> {
  const basic = new TextEncoder().encode(`${clientId}:${quotePlus(clientSecret)}`).toBase64();
  return await requestToken({
    url: metadata.tokenEndpoint,
    form: { grant_type: "client_credentials", scope: scopes.join(" "), audience: metadata.audience },
    authorization: `Basic ${basic}`,
  }, deps);
}

/** A new token for a refresh token (RFC 6749 6); null when the server turned it down. */
export async function refreshToken(
  { metadata, clientId, refreshToken }: { metadata: AuthMetadata; clientId: string; refreshToken: string },
  deps: OAuthDeps,
): Promise<Token | null> {
  const form = { grant_type: "refresh_token", refresh_token: refreshToken, client_id: clientId };
  try {
    return await requestToken({ url: metadata.tokenEndpoint, form }, deps);
  } catch (error) {
    if (error instanceof AppError && error.code === "auth_denied") return null;
    throw error;
  }
}

const COMMAND_TIMEOUT_MS = 60_000;

/**
 * The token that `command` prints, run without a shell.
 *
 * @throws AppError `auth_denied` when it fails; its output is never quoted, since it may hold the token.
 */
export async function loginWithCommand(
  command: readonly string[],
  { now, signal }: { now: () => number; signal?: AbortSignal | undefined },
): Promise<Token> {
  const [program = "", ...args] = command;
  const limit = AbortSignal.any([AbortSignal.timeout(COMMAND_TIMEOUT_MS), ...(signal ? [signal] : [])]);
  try {
    const { success, code, stdout } = await new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
      signal: limit,
    }).output();
    signal?.throwIfAborted();
    if (success) return makeToken(new TextDecoder().decode(stdout).trim(), { now: now() });
    throw commandFailed(program, `it ended with ${code}`);
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof AppError ? error : commandFailed(program, describeError(error));
  }
}

function commandFailed(program: string, found: string): AppError {
  return new AppError("auth_denied", `Cannot take a token from the command ${JSON.stringify(program)}: ${found}`, {
    hint: "Run the command of the configuration by hand: it must print the token and nothing else",
  });
}

/** As Python's `quote_plus`, which the platform's own client applies to the secret. */
function quotePlus(text: string): string {
  return encodeURIComponent(text)
    .replaceAll("%20", "+")
    .replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
