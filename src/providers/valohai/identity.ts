import { join } from "node:path";
import type { Environment } from "../../base/home.ts";
import { portholeKeyPath } from "../../ssh/keys/key_places.ts";
import { isSameBytes, tryParsePublicKey } from "../../ssh/keys/public_key.ts";
import { privateHalfOf } from "./debug_key.ts";

/**
 * The private key here that fits `publicKey`, looked for where porthole, Valohai's own tool and ssh keep theirs;
 * undefined when there is none, or none whose public half stands beside it.
 */
export async function findIdentity(env: Environment, publicKey: string): Promise<string | undefined> {
  const wanted = tryParsePublicKey(publicKey);
  if (!wanted) return undefined;
  for (const path of await candidates(env)) {
    const text = await Deno.readTextFile(path).catch(() => ""); // Unreadable is as good as absent here.
    const key = tryParsePublicKey(text.split("\n", 1)[0] ?? "");
    if (!key || !isSameBytes(key.blob, wanted.blob)) continue;
    const identity = await privateHalfOf(path);
    if (identity) return identity;
  }
  return undefined;
}

async function candidates(env: Environment): Promise<string[]> {
  const home = env.HOME || env.USERPROFILE;
  const folders = [
    ...(env.VALOHAI_CONFIG_DIR ? [env.VALOHAI_CONFIG_DIR] : []),
    ...(home ? [join(home, ".config", "valohai-cli"), join(home, ".ssh")] : []),
  ];
  const found = [`${portholeKeyPath(env)}.pub`, `${portholeKeyPath(env, "rsa")}.pub`];
  for (const folder of folders) {
    try {
      for await (const { name } of Deno.readDir(folder)) if (name.endsWith(".pub")) found.push(join(folder, name));
    } catch {
      continue; // Not there, or not ours to read: nothing to offer from it.
    }
  }
  return found;
}
