import { generateKey } from "../../../src/ssh/keys/generate.ts";
import type { FuzzTarget } from "../target.ts";
import { FRAME_TARGETS } from "./frames.ts";
import { serverTargets } from "./servers.ts";
import { sshFileTargets } from "./ssh_files.ts";
import { TEXT_TARGETS } from "./texts.ts";

/** Everything that takes bytes from strangers. `folder` is free to be written to. */
export async function allTargets(folder: string): Promise<readonly FuzzTarget[]> {
  const { privateKey: hostKey } = await generateKey("ed25519");
  return [...TEXT_TARGETS, ...sshFileTargets(folder), ...FRAME_TARGETS, ...serverTargets({ hostKey })];
}
