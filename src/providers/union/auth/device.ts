import { AppError } from "../../../base/errors.ts";
import { escapeControls } from "../../../base/printable.ts";
import { countField, type Message, textField } from "../wire.ts";
import type { AuthMetadata } from "./discovery.ts";
import type { Token } from "./token.ts";
import { type OAuthDeps, oauthErrorOf, postForm, requestToken } from "./token_endpoint.ts";

const GRANT = "urn:ietf:params:oauth:grant-type:device_code";
// RFC 8628 3.2 and 3.5.
const DEFAULT_INTERVAL_S = 5;
const SLOW_DOWN_S = 5;
// For a server that leaves out `expires_in`, which the RFC requires.
const DEFAULT_LIFE_S = 600;

/** Options of {@link loginWithDevice}. */
export interface DeviceLoginOptions {
  readonly metadata: AuthMetadata;
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** Shows the user where to go and what to type there. */
  readonly notice: (line: string) => void;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** Log-in on another device (RFC 8628): shows an address and a code, and waits until the user has been there. */
export async function loginWithDevice(options: DeviceLoginOptions, deps: OAuthDeps): Promise<Token> {
  const { metadata, clientId, scopes, notice } = options;
  if (metadata.deviceAuthorizationEndpoint === "") {
    throw new AppError("auth_denied", "The control plane offers no log-in by device code", {
      hint: "porthole auth login without --device, or authType: ClientSecret in the configuration",
    });
  }
  const grant = await postForm({
    url: metadata.deviceAuthorizationEndpoint,
    form: { client_id: clientId, scope: scopes.join(" "), audience: metadata.audience },
  }, deps);
  notice(invitation(grant));
  return await pollForToken(grant, options, deps);
}

async function pollForToken(
  grant: Message,
  { metadata, clientId, sleep }: DeviceLoginOptions,
  deps: OAuthDeps,
): Promise<Token> {
  let intervalS = countField(grant, "interval") || DEFAULT_INTERVAL_S;
  const endsAt = deps.now() + (countField(grant, "expires_in") || DEFAULT_LIFE_S) * 1000;
  while (deps.now() < endsAt) {
    await sleep(intervalS * 1000, deps.signal);
    try {
      return await requestToken({
        url: metadata.tokenEndpoint,
        form: { grant_type: GRANT, device_code: textField(grant, "device_code"), client_id: clientId },
      }, deps);
    } catch (error) {
      const code = oauthErrorOf(error);
      if (code === "slow_down") intervalS += SLOW_DOWN_S;
      else if (code !== "authorization_pending") throw error;
    }
  }
  throw new AppError("auth_denied", "The log-in by device code was not completed in time", {
    hint: "porthole auth login --device",
  });
}

function invitation(grant: Message): string {
  const code = escapeControls(textField(grant, "user_code"));
  const plain = escapeControls(textField(grant, "verification_uri"));
  const complete = escapeControls(textField(grant, "verification_uri_complete"));
  const address = complete || `${plain}${plain.includes("?") ? "&" : "?"}user_code=${encodeURIComponent(code)}`;
  return `To log in, open ${address} in any browser and check that it shows the code ${code}`;
}
