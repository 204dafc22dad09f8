import { resolve } from "node:path";
import { AppError } from "../../base/errors.ts";
import type { Environment } from "../../base/home.ts";
import { escapeControls } from "../../base/printable.ts";
import type { KeyKind } from "../../ssh/keys/generate.ts";
import { portholeKeyPath, unionKeyPath } from "../../ssh/keys/key_places.ts";
import type { FlagSpecs, FlagValues, Style } from "../command.ts";

/** The flags that say which key is meant, of every `keys` command. */
export const KEY_CHOICE_FLAGS = {
  union: { kind: "boolean", default: false, summary: "The key for Union runs, ~/.flyte/ssh-debug/id_ed25519" },
  rsa: { kind: "boolean", default: false, summary: "RSA with 4096 bits in place of ed25519" },
  path: { kind: "string", placeholder: "FILE", summary: "The private key's file; its .pub stands beside it" },
} as const satisfies FlagSpecs;

/** Which key the flags mean. @throws AppError `usage` for --union with --path. */
export function chooseKey(
  { union, rsa, path }: FlagValues<typeof KEY_CHOICE_FLAGS>,
  env: Environment,
): { path: string; type: KeyKind } {
  const type = rsa ? "rsa" : "ed25519";
  if (path === undefined) return { path: union ? unionKeyPath(env, type) : portholeKeyPath(env, type), type };
  if (union) {
    throw new AppError("usage", `Cannot use --union with --path ${JSON.stringify(path)}`, { hint: "Give one of them" });
  }
  return { path: resolve(path), type };
}

/** A key as the `keys` commands yield it; `--json` prints it as it is. */
export interface KeyItem {
  readonly type: string;
  readonly fingerprint: string;
  readonly privateKeyPath: string;
  readonly publicKeyPath: string;
  /** The line for `authorized_keys`. */
  readonly publicKey: string;
  readonly isEncrypted: boolean;
  /** True when this command made the key. */
  readonly created?: boolean;
  /** Where the key that was there before is now. */
  readonly oldPrivateKeyPath?: string;
}

/** The public line alone on the last line, so that `tail -1` and people find it; the rest above it. */
export function formatKey(item: KeyItem, _style: Style): string {
  const facts: [string, string][] = [
    [
      "private key",
      `${item.privateKeyPath}${item.created ? " (made now)" : ""}${item.isEncrypted ? " (encrypted)" : ""}`,
    ],
    ["public key", item.publicKeyPath],
    ["fingerprint", item.fingerprint],
  ];
  if (item.oldPrivateKeyPath !== undefined) facts.push(["old key kept", item.oldPrivateKeyPath]);
  const lines = facts.map(([name, value]) => `${`${name}:`.padEnd(14)}${escapeControls(value)}\n`);
  return `${lines.join("")}${escapeControls(item.publicKey)}\n`;
}
