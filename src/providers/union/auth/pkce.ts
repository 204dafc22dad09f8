import { deadline, orAbort } from "../../../base/abort.ts";
import { AppError } from "../../../base/errors.ts";
import { formatDuration } from "../../../base/duration.ts";
import { oneLine } from "../../../base/printable.ts";
import type { AuthMetadata } from "./discovery.ts";
import { listenForRedirect } from "./redirect_listener.ts";
import type { Token } from "./token.ts";
import { type OAuthDeps, requestToken } from "./token_endpoint.ts";

const LOGIN_TIMEOUT_MS = 5 * 60_000;

/** Options of {@link loginWithPkce}. */
export interface PkceLoginOptions {
  readonly metadata: AuthMetadata;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly notice: (line: string) => void;
  /** False when no browser could be started: the address is then shown. */
  readonly openBrowser: (url: string) => Promise<boolean>;
}

/** Log-in in the user's browser (RFC 6749 4.1 with RFC 7636), the code received on a loopback port (RFC 8252 7.3). */
export async function loginWithPkce(options: PkceLoginOptions, deps: OAuthDeps): Promise<Token> {
  const { metadata, notice, openBrowser } = options;
  if (metadata.authorizationEndpoint === "" || metadata.redirectUri === "") {
    throw new AppError("auth_denied", "The control plane offers no log-in by browser", {
      hint: "porthole auth login --device, or authType: ClientSecret in the configuration",
    });
  }
  const verifier = randomText(64);
  const parameters = await authorizeParameters(options, verifier);
  await using listener = listenForRedirect(metadata.redirectUri);
  using limit = deadline(LOGIN_TIMEOUT_MS, {
    signal: deps.signal,
    reason: () =>
      new AppError("timeout", `Nobody logged in within ${formatDuration(LOGIN_TIMEOUT_MS)}`, {
        hint: "porthole auth login; where the browser is on another machine: porthole auth login --device",
      }),
  });
  const url = withParameters(metadata.authorizationEndpoint, parameters);
  if (await openBrowser(url)) notice("Log in in the browser window that has opened; if none has, open:");
  else notice("To log in, open this address in a browser on this machine (elsewhere: porthole auth login --device):");
  notice(url);
  const code = readCode(await orAbort(listener.redirect, limit.signal), parameters.state);
  return await requestToken({
    url: metadata.tokenEndpoint,
    // The platform's own client repeats the parameters of the authorization request here.
    form: { ...parameters, grant_type: "authorization_code", code, code_verifier: verifier },
  }, deps);
}

async function authorizeParameters({ metadata, clientId, scopes }: PkceLoginOptions, verifier: string) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  return {
    client_id: clientId,
    response_type: "code",
    redirect_uri: metadata.redirectUri,
    scope: scopes.join(" "),
    audience: metadata.audience,
    state: randomText(40),
    code_challenge: base64Url(digest),
    code_challenge_method: "S256",
  };
}

function withParameters(endpoint: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(endpoint);
  for (const [name, value] of Object.entries(parameters)) if (value !== "") url.searchParams.set(name, value);
  return url.href;
}

function readCode(redirect: URLSearchParams, state: string): string {
  if (redirect.get("state") !== state) {
    throw new AppError("auth_denied", "The log-in came back with another state than it was sent with", {
      hint: "Another log-in was under way, or somebody interfered: porthole auth login",
    });
  }
  const code = redirect.get("code");
  if (code) return code;
  const said = redirect.get("error_description") || redirect.get("error") || "no code";
  throw new AppError("auth_denied", `The log-in was refused: ${oneLine(said)}`, { hint: "porthole auth login" });
}

function randomText(bytes: number): string {
  return base64Url(crypto.getRandomValues(new Uint8Array(bytes)));
}

function base64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
