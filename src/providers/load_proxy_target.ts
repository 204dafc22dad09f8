import { type Environment, portholeHome } from "../base/home.ts";
import type { ProxyTarget } from "../proxy/proxy_route.ts";
import { loadTarget } from "../targets/target_store.ts";
import { credentialSource } from "./credential_source.ts";
import { isHeldByAnother } from "./local/run_lock.ts";

/**
 * What `porthole proxy ALIAS` dials: the record's route, and where fresh headers for it come from.
 *
 * On the path of every connection: no `node:` module and no package may be loaded from here.
 * @throws AppError `not_found`, `unsafe_file`, `config_invalid`.
 */
export async function loadProxyTarget(
  env: Environment,
  alias: string,
): Promise<ProxyTarget> {
  const { route, credential, provider, runName } = await loadTarget(env, alias);
  const state = `${portholeHome(env)}/runs/${runName}/state.json`;
  return {
    route,
    credential: credential && credentialSource(credential, env),
    hasEnded: provider === "local" ? async () => !await isHeldByAnother({ state }) : undefined,
  };
}
