/**
 * porthole as a library.
 *
 * ```ts
 * const session = await SSHDebug.connect({ runName: "train" });
 * console.log(session.sshConfig);
 * ```
 * @module
 */
export { AppError, type ErrorCode } from "./base/errors.ts";
