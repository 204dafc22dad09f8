import { LocalProvider } from "../providers/local/local_provider.ts";
import { ensureKeypair } from "../ssh/keys/ensure_keypair.ts";
import { portholeKeyPath } from "../ssh/keys/key_places.ts";
import type { CommandContext } from "./command.ts";

/** Jobs on this machine, with the user's own key pair. */
export function openLocalProvider({ env, self, signal }: CommandContext): LocalProvider {
  return new LocalProvider({ env, self, keypair: () => ensureKeypair({ path: portholeKeyPath(env), signal }) });
}
