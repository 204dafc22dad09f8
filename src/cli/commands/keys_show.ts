import { AppError } from "../../base/errors.ts";
import { readKeypair } from "../../ssh/keys/keypair_files.ts";
import { defineCommand } from "../command.ts";
import { chooseKey, formatKey, KEY_CHOICE_FLAGS, type KeyItem } from "./keys_choice.ts";

/** `porthole keys show`: the public half, its fingerprint and where both halves are. Never the private key. */
export const keysShow = defineCommand({
  name: "keys show",
  summary: "Print the public key, its fingerprint and where it is",
  flags: KEY_CHOICE_FLAGS,
  examples: ["porthole keys show", "porthole keys show --json | jq -r .publicKey"],
  async *run({ flags }, { env, signal }): AsyncGenerator<KeyItem, void> {
    const { path } = chooseKey(flags, env);
    const keypair = await readKeypair(path, signal);
    if (!keypair) {
      throw new AppError("not_found", `There is no key at ${JSON.stringify(path)}`, {
        hint: "Make one with: porthole keys ensure",
      });
    }
    yield keypair;
  },
  format: formatKey,
});
