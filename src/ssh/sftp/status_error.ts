import { StatusCode } from "./protocol.ts";

/** A request that did not work, as the STATUS packet tells it. */
export class StatusError extends Error {
  override readonly name = "StatusError";

  constructor(readonly status: StatusCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

const MESSAGES: Readonly<Record<string, readonly [StatusCode, string]>> = {
  ENOENT: [StatusCode.noSuchFile, "No such file"],
  ENOTDIR: [StatusCode.noSuchFile, "Not a directory"],
  EBADF: [StatusCode.noSuchFile, "Bad file descriptor"],
  ELOOP: [StatusCode.noSuchFile, "Too many levels of symbolic links"],
  EPERM: [StatusCode.permissionDenied, "Operation not permitted"],
  EACCES: [StatusCode.permissionDenied, "Permission denied"],
  ENAMETOOLONG: [StatusCode.badMessage, "File name too long"],
  EINVAL: [StatusCode.badMessage, "Invalid argument"],
  ENOSYS: [StatusCode.opUnsupported, "Operation unsupported"],
  ENOSPC: [StatusCode.failure, "No space left on device"],
  EDQUOT: [StatusCode.failure, "Disk quota exceeded"],
  EROFS: [StatusCode.failure, "Read-only file system"],
  EEXIST: [StatusCode.failure, "File exists"],
  ENOTEMPTY: [StatusCode.failure, "Directory not empty"],
  EISDIR: [StatusCode.failure, "Is a directory"],
  EXDEV: [StatusCode.failure, "Cannot link across devices"],
  EMFILE: [StatusCode.failure, "Too many open files"],
  EFBIG: [StatusCode.failure, "File too large"],
  EIO: [StatusCode.failure, "Input/output error"],
  ETXTBSY: [StatusCode.failure, "Text file busy"],
  EOPNOTSUPP: [StatusCode.failure, "Operation not supported"],
};

/** The status for an errno name, the code being the one that OpenSSH's server sends (its errno_to_portable). */
export function errnoStatus(errno: string, cause?: unknown): StatusError {
  const [status, message] = MESSAGES[errno] ?? [StatusCode.failure, `Failure (${errno})`];
  return new StatusError(status, message, cause === undefined ? undefined : { cause });
}

/**
 * What to answer for an error thrown by a file system: by its errno name, else by its class, else plain failure.
 * The message never quotes the error's own, which would tell the server's absolute paths.
 */
export function toStatusError(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return errnoStatus(code, error);
  if (code === "ERR_OUT_OF_RANGE") return errnoStatus("EINVAL", error);
  if (error instanceof Deno.errors.NotFound) return errnoStatus("ENOENT", error);
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return errnoStatus("EACCES", error);
  }
  if (error instanceof Deno.errors.AlreadyExists) return errnoStatus("EEXIST", error);
  if (error instanceof Deno.errors.NotSupported) return errnoStatus("ENOSYS", error);
  return new StatusError(StatusCode.failure, "Failure", { cause: error });
}
