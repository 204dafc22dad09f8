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
import { type FleetOptions, ssh as fleet } from "./fleet/mod.ts";
import { aliasFinder } from "./providers/find_alias.ts";

/**
 * Many hosts at once: `ssh.config({ hosts: ["web[1-20]", "train"] })` makes a client. Targets that `porthole connect`
 * made are hosts like any other, dialled in this process.
 */
export const ssh: typeof fleet = {
  ...fleet,
  config: (options) => fleet.config(withAliases(options)),
  keyscan: (options) => fleet.keyscan(withAliases(options)),
  tryKeyscan: (options) => fleet.tryKeyscan(withAliases(options)),
  copyId: (options) => fleet.copyId(withAliases(options)),
  tryCopyId: (options) => fleet.tryCopyId(withAliases(options)),
  keyCheck: (options) => fleet.keyCheck(withAliases(options)),
  tryKeyCheck: (options) => fleet.tryKeyCheck(withAliases(options)),
};

function withAliases<O extends Pick<FleetOptions, "environment" | "findAlias">>(options: O): O {
  return { findAlias: aliasFinder(options.environment ?? Deno.env.toObject()), ...options };
}

export { AppError, type ErrorCode } from "./base/errors.ts";
export { SSHDebug, type SSHDebugConnectOptions } from "./providers/ssh_debug.ts";
export { ensureKeypair, type EnsureKeypairOptions, type EnsureKeypairResult } from "./ssh/keys/ensure_keypair.ts";
export { launchEnv } from "./targets/launch_env.ts";
export type { Provider } from "./providers/provider.ts";
export type {
  ExecEvent,
  ExecOptions,
  FleetClient,
  FleetOptions,
  HostError,
  Result,
  SSHBatchResult,
  SSHCopyIdResult,
  SSHHostKey,
  SSHKeyCheckResult,
  SSHKeyPair,
  SSHResult,
  SSHTransferResult,
  TransferEvent,
  TransferOptions,
} from "./fleet/mod.ts";
