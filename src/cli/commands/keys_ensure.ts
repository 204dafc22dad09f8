import { ensureKeypair } from "../../ssh/keys/ensure_keypair.ts";
import { defineCommand } from "../command.ts";
import { chooseKey, formatKey, KEY_CHOICE_FLAGS, type KeyItem } from "./keys_choice.ts";

/** `porthole keys ensure`: makes the key that sessions log in with, unless it is there. */
export const keysEnsure = defineCommand({
  name: "keys ensure",
  summary: "Make the SSH key unless it is there",
  flags: {
    ...KEY_CHOICE_FLAGS,
    comment: { kind: "string", placeholder: "TEXT", summary: "What a fresh key is marked with" },
  },
  examples: ["porthole keys ensure", "porthole keys ensure --rsa --path ~/.ssh/id_rsa"],
  async *run({ flags }, { env, signal }): AsyncGenerator<KeyItem, void> {
    yield await ensureKeypair({ ...chooseKey(flags, env), comment: flags.comment, signal });
  },
  format: formatKey,
});
