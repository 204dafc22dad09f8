import { AppError } from "../base/errors.ts";
import type { Environment } from "../base/home.ts";
import type { CredentialSource } from "../stream/dial_route.ts";

/**
 * The source of fresh headers for what a target record names in `credential`: asked at every dial, so that a tunnel
 * dropped after the token's end comes back with a new one.
 *
 * @throws AppError `config_invalid` for a provider that has no credentials.
 */
export function credentialSource(credential: Readonly<Record<string, string>>, env: Environment): CredentialSource {
  if (credential.provider !== "union") {
    throw new AppError("config_invalid", `Cannot use a credential of ${JSON.stringify(credential.provider)}`, {
      hint: "porthole connect RUN writes the target anew",
    });
  }
  return async (options) => {
    const { credentialHeaders } = await import("./union/credential_headers.ts");
    return await credentialHeaders(credential, env, options);
  };
}
