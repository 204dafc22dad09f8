import { AppError } from "../base/errors.ts";
import type { Environment } from "../base/home.ts";
import type { AliasRoute } from "../fleet/mod.ts";
import { dialRoute } from "../stream/dial_route.ts";
import { targetKnownHosts } from "../targets/known_hosts.ts";
import { loadTarget, validateAlias } from "../targets/target_store.ts";
import { loadProxyTarget } from "./load_proxy_target.ts";

/** How one of our own targets is dialled in this process; null for every other name. */
export async function findAlias(env: Environment, alias: string): Promise<AliasRoute | null> {
  try {
    validateAlias(alias);
    const [record, { route, credential }] = await Promise.all([loadTarget(env, alias), loadProxyTarget(env, alias)]);
    const { user, identityFile, hostKeyAlias, hostKeyCheck } = record;
    return {
      dial: ({ signal }) => dialRoute(route, { credential, env, signal }),
      user,
      identityFile,
      hostKeyAlias,
      hostKeyCheck,
      knownHostsFile: targetKnownHosts(env),
    };
  } catch (error) {
    // Most hosts are no target of ours, and many names could be none.
    if (error instanceof AppError && (error.code === "not_found" || error.code === "usage")) return null;
    throw error;
  }
}
