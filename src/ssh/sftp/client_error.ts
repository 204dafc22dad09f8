import { AppError, type ErrorCode } from "../../base/errors.ts";
import { oneLine } from "../../base/printable.ts";
import { StatusCode } from "./protocol.ts";
import { StatusError } from "./status_error.ts";

/**
 * What `work` gives; a refusal of the server becomes an AppError that says what could not be done:
 * `not_found` for a missing file, else `remote_failed`, with `{ status, path }` as details.
 */
export async function named<T>(what: string, path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw describeRefusal(what, { path, error });
  }
}

/** `error` as {@link named} throws it; anything but a StatusError as it is. */
export function describeRefusal(what: string, { path, error }: { path: string; error: unknown }): unknown {
  if (!(error instanceof StatusError)) return error;
  const code: ErrorCode = error.status === StatusCode.noSuchFile ? "not_found" : "remote_failed";
  return new AppError(code, `Cannot ${what} ${JSON.stringify(path)} on the far side: ${oneLine(error.message)}`, {
    // A plain failure is all that version 3 has for most of what can happen to a write.
    ...(what === "write" && error.status === StatusCode.failure
      ? { hint: "See whether the disk there is full or a quota is reached" }
      : {}),
    details: { status: error.status, path },
    cause: error,
  });
}
