import { join } from "node:path";
import { programPath } from "../../../tests/support/programs.ts";
import type { Ground } from "../ground.ts";

/** A way to an SSH server: which server, and what carries the bytes. */
export interface Way {
  /** As the table shows it. */
  readonly name: string;
  /** Why this machine cannot take it; null when it can. */
  missing(): string | null;
  /** Starts the servers and keeps them on the ground. */
  start(ground: Ground): Promise<Reach>;
}

/** How the system's clients get there: `ssh -F configFile bench`. */
export interface Reach {
  readonly name: string;
  readonly configFile: string;
}

/** The alias that every {@link Reach} is known by. */
export const ALIAS = "bench";

/** Writes the ssh_config of one way: default algorithms, one key, host keys of its own. */
export async function writeReach(ground: Ground, name: string, lines: readonly string[]): Promise<Reach> {
  const slug = name.replaceAll(/\W+/g, "-");
  const configFile = join(ground.home.path, `config-${slug}`);
  const text = [
    `Host ${ALIAS}`,
    `User ${ground.user}`,
    `IdentityFile ${ground.identityFile}`,
    "IdentitiesOnly yes",
    `HostKeyAlias ${slug}`,
    `UserKnownHostsFile ${join(ground.home.path, "known_hosts")}`,
    // The first connection to a server that was just made on loopback; from then on the key must stay.
    "StrictHostKeyChecking accept-new",
    "LogLevel ERROR",
    ...lines,
  ];
  await Deno.writeTextFile(configFile, `${text.join("\n  ")}\n`);
  return { name, configFile };
}

/** Why a way that needs these programs cannot be taken; null when all are installed. */
export function missingPrograms(...names: readonly string[]): string | null {
  const missing = names.filter((name) => programPath(name) === null);
  return missing.length ? `needs ${missing.join(" and ")}` : null;
}
