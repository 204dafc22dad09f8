/**
 * porthole as a library: reach a job, make keys, and ask what a launcher needs.
 *
 * ```ts
 * import { SSHDebug } from "porthole";
 * const session = await SSHDebug.connect({ runName: "train" });
 * console.log(session.sshConfig);
 * ```
 * @module
 */
import { config, ssh as fleet } from "./fleet/mod.ts";
import { aliasFinder } from "./providers/find_alias.ts";

/**
 * Many hosts at once: `ssh.config({ hosts: ["web[1-20]", "train"] })` makes a client. Targets that `porthole connect`
 * made are hosts like any other, dialled in this process.
 */
export const ssh: typeof fleet = {
  ...fleet,
  config: (options) => config({ findAlias: aliasFinder(options.environment ?? Deno.env.toObject()), ...options }),
};

export { AppError, type ErrorCode } from "./base/errors.ts";
export { SSHDebug, type SSHDebugConnectOptions } from "./providers/ssh_debug.ts";
export { ensureKeypair, type EnsureKeypairOptions, type EnsureKeypairResult } from "./ssh/keys/ensure_keypair.ts";
export { launchEnv } from "./targets/launch_env.ts";
export type { Provider } from "./providers/provider.ts";
export type {
  FleetClient,
  FleetOptions,
  SSHBatchResult,
  SSHHostKey,
  SSHKeyPair,
  SSHResult,
  SSHTransferResult,
} from "./fleet/mod.ts";
