import type { Environment } from "../base/home.ts";
import type { CredentialSource } from "../stream/dial_route.ts";
import type { TargetRoute } from "../targets/target.ts";
import { loadTarget } from "../targets/target_store.ts";
import { credentialSource } from "./credential_source.ts";

/**
 * What `porthole proxy ALIAS` dials: the record's route, and where fresh headers for it come from.
 *
 * On the path of every connection: no `node:` module and no package may be loaded from here.
 * @throws AppError `not_found`, `unsafe_file`, `config_invalid`.
 */
export async function loadProxyTarget(
  env: Environment,
  alias: string,
): Promise<{ readonly route: TargetRoute; readonly credential?: CredentialSource }> {
  const { route, credential } = await loadTarget(env, alias);
  return credential ? { route, credential: credentialSource(credential, env) } : { route };
}
