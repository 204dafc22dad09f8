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
export { AppError, type ErrorCode } from "./base/errors.ts";
export { SSHDebug, type SSHDebugConnectOptions } from "./providers/ssh_debug.ts";
export { ensureKeypair, type EnsureKeypairOptions, type EnsureKeypairResult } from "./ssh/keys/ensure_keypair.ts";
export { launchEnv } from "./targets/launch_env.ts";
export type { Provider } from "./providers/provider.ts";
