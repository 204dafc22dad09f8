import { type Environment, portholeHome } from "../base/home.ts";
import { controlPath } from "../ssh/config/control_path.ts";
import { renderHostBlock } from "../ssh/config/host_block.ts";
import { targetKnownHosts } from "./known_hosts.ts";
import type { TargetRecord } from "./target.ts";

/** Options of {@link renderTargetBlock}. */
export interface TargetBlockOptions {
  /** The words that run this program: see `CommandContext.self`. */
  readonly self: readonly string[];
  readonly env: Environment;
  /** Whether sessions share one connection (ControlMaster). */
  readonly multiplex: boolean;
}

/**
 * A session is held for 15 min while its connection is away (docs/resume.md); at ssh's one question every 20 s it must
 * miss 45 answers and a few more. The proxy notices a dead connection within 30 s by itself, and ends what cannot be resumed.
 */
const RESUMABLE_ALIVE_COUNT_MAX = 48;

/** The `Host` block of ssh_config(5) for a target. Holds no secret: what a dial needs is in the target's record. */
export function renderTargetBlock(record: TargetRecord, { self, env, multiplex }: TargetBlockOptions): string {
  const { alias, user, identityFile, hostKeyAlias, hostKeyCheck, route } = record;
  const address = route.kind === "tcp" ? { hostName: route.host, port: route.port } : {
    proxyCommand: [...homeWords(env), ...self, "proxy"],
    serverAliveCountMax: RESUMABLE_ALIVE_COUNT_MAX,
  };
  return renderHostBlock({
    alias,
    user,
    identityFile,
    hostKeyAlias,
    userKnownHostsFile: targetKnownHosts(env),
    strictHostKeyChecking: hostKeyCheck,
    ...address,
    ...(multiplex ? { controlPath: controlPath(env)?.value } : {}),
  });
}

/**
 * `env PORTHOLE_HOME=...`, where that is set: an editor's ssh is started with another environment, and the proxy must
 * find the record where this process put it.
 */
function homeWords(env: Environment): string[] {
  if (!env.PORTHOLE_HOME || Deno.build.os === "windows") return [];
  return ["/usr/bin/env", `PORTHOLE_HOME=${portholeHome(env)}`];
}
