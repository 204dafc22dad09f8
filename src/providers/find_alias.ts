import { AppError } from "../base/errors.ts";
import type { Environment } from "../base/home.ts";
import type { AliasRoute } from "../fleet/mod.ts";
import { dialRoute } from "../stream/dial_route.ts";
import { targetKnownHosts } from "../targets/known_hosts.ts";
import { listAliases, loadTarget } from "../targets/target_store.ts";
import { credentialSource } from "./credential_source.ts";

/** So long a list of the targets counts as current: the hosts of one call come one right after another. */
const LIST_MS = 1000;

/** Looks names up among our own targets, whose folder is listed once for the many hosts of a call. */
export function aliasFinder(env: Environment): (name: string) => Promise<AliasRoute | null> {
  let listed: { readonly at: number; readonly aliases: Promise<ReadonlySet<string>> } | undefined;
  return async (name) => {
    if (!listed || performance.now() - listed.at > LIST_MS) {
      listed = { at: performance.now(), aliases: listAliases(env).then((aliases) => new Set(aliases)) };
    }
    return (await listed.aliases).has(name.toLowerCase()) ? await findAlias(env, name) : null;
  };
}

/** How a target is dialled in this process; null when it was removed a moment ago. */
async function findAlias(env: Environment, alias: string): Promise<AliasRoute | null> {
  try {
    const { route, credential, user, identityFile, hostKeyAlias, hostKeyCheck } = await loadTarget(env, alias);
    const source = credential && credentialSource(credential, env);
    return {
      dial: ({ signal }) => dialRoute(route, { credential: source, env, signal }),
      user,
      identityFile,
      hostKeyAlias,
      hostKeyCheck,
      knownHostsFile: targetKnownHosts(env),
    };
  } catch (error) {
    if (error instanceof AppError && error.code === "not_found") return null;
    throw error;
  }
}
