import { shellQuote } from "../../base/shell_quote.ts";
import { rotateKeypair } from "../../ssh/keys/rotate_keypair.ts";
import { defineCommand } from "../command.ts";
import { chooseKey, formatKey, KEY_CHOICE_FLAGS, type KeyItem } from "./keys_choice.ts";

/** `porthole keys rotate`: a fresh key at the same place; the old one is kept beside it. */
export const keysRotate = defineCommand({
  name: "keys rotate",
  summary: "Replace the SSH key, keeping the old one beside it",
  flags: {
    ...KEY_CHOICE_FLAGS,
    comment: { kind: "string", placeholder: "TEXT", summary: "What the fresh key is marked with" },
  },
  async *run({ flags }, { env, signal, notice }): AsyncGenerator<KeyItem, void> {
    const { path } = chooseKey(flags, env);
    const type = flags.rsa ? "rsa" : undefined;
    const rotated = await rotateKeypair({ path, type, comment: flags.comment, signal });
    notice(
      `Runs that were started with the old key are still reached with: ssh -i ${shellQuote(rotated.oldPrivateKeyPath)}`,
    );
    yield { ...rotated, created: true };
  },
  format: formatKey,
});
