import type { Ground } from "../ground.ts";
import type { Contestant } from "../row.ts";
import { portholeWay } from "./porthole.ts";
import { asyncsshBridgeWay, asyncsshWay, sshdBridgeWay } from "./python.ts";
import { sshdWay } from "./sshd.ts";
import type { Reach, Way } from "./way.ts";

/** Every way to an SSH server that is compared; ours first. */
const ALL_WAYS: readonly Way[] = [portholeWay, sshdWay, sshdBridgeWay, asyncsshWay, asyncsshBridgeWay];

/** A contestant for each way that this machine can take, all doing the same. */
export async function overAllWays(
  ground: Ground,
  measure: (reach: Reach, signal: AbortSignal) => Promise<number>,
): Promise<Contestant[]> {
  const contestants: Contestant[] = [];
  for (const way of ALL_WAYS) {
    const reach = await ground.reach(way);
    if (reach) contestants.push({ name: way.name, measure: (signal) => measure(reach, signal) });
  }
  return contestants;
}
