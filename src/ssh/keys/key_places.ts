import { join } from "node:path";
import { type Environment, homeFolder, portholeHome } from "../../base/home.ts";
import type { KeyKind } from "./generate.ts";

/** Where Union's own tools keep the key for debug runs, so that both share one: `~/.flyte/ssh-debug/id_ed25519`. */
export function unionKeyPath(env: Environment, kind: KeyKind = "ed25519"): string {
  return join(homeFolder(env), ".flyte", "ssh-debug", `id_${kind}`);
}

/** Where the key for everything else is: `$PORTHOLE_HOME/id_ed25519`. */
export function portholeKeyPath(env: Environment, kind: KeyKind = "ed25519"): string {
  return join(portholeHome(env), `id_${kind}`);
}
