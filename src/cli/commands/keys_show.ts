import { AppError } from "../../base/errors.ts";
import { escapeControls } from "../../base/printable.ts";
import { readKeypair } from "../../ssh/keys/keypair_files.ts";
import { defineCommand } from "../command.ts";
import { chooseKey, formatKey, KEY_CHOICE_FLAGS, type KeyItem } from "./keys_choice.ts";

/** `porthole keys show`: the public half, its fingerprint and where both halves are. Never the private key. */
export const keysShow = defineCommand({
  name: "keys show",
  summary: "Print the public key, its fingerprint and where it is",
  flags: {
    ...KEY_CHOICE_FLAGS,
    public: { kind: "boolean", default: false, summary: "Print the public key's line alone, for a job's environment" },
  },
  examples: ["porthole keys show", 'PORTHOLE_AUTHORIZED_KEYS="$(porthole keys show --public)"'],
  async *run({ flags }, { env, signal }): AsyncGenerator<ShownKey, void> {
    const { path } = chooseKey(flags, env);
    const keypair = await readKeypair(path, signal);
    if (!keypair) {
      throw new AppError("not_found", `There is no key at ${JSON.stringify(path)}`, {
        hint: "Make one with: porthole keys ensure",
      });
    }
    yield { ...keypair, isPublicAlone: flags.public };
  },
  format: ({ isPublicAlone, ...key }, style) =>
    isPublicAlone ? `${escapeControls(key.publicKey)}\n` : formatKey(key, style),
});

type ShownKey = KeyItem & { readonly isPublicAlone: boolean };
