import { parsePublicKey } from "../ssh/keys/public_key.ts";
import type { ExecReply } from "./exec_answer.ts";
import type { ProgramIo } from "./program_io.ts";

/** Where `ssh-copy-id` and `porthole copy-id` put keys. */
const AUTHORIZED_KEYS = /\.ssh\/authorized_keys/;

/** True for a command that adds the public keys on its stdin to authorized_keys, as ssh-copy-id's does. */
export function installsKeys(command: string): boolean {
  return AUTHORIZED_KEYS.test(command);
}

/**
 * Does what such a command does, to the server's own list: says `added`, or `present` when all were there already.
 *
 * `addKey` returns whether the key is new.
 */
export async function installKeys(io: ProgramIo, addKey: (line: string) => boolean): Promise<ExecReply> {
  const lines = (await io.stdin.text()).split("\n").map((line) => line.trim()).filter((line) => line !== "");
  try {
    for (const line of lines) parsePublicKey(line);
  } catch {
    return { stderr: "authorized_keys: what came on stdin is no public key\n", code: 1 };
  }
  const added = lines.map((line) => addKey(line)).includes(true);
  return { stdout: added ? "added\n" : "present\n" };
}
