import { AppError, type ErrorCode } from "../base/errors.ts";

/** What was done with which file here. */
export interface LocalFileUse {
  readonly verb: "read" | "write";
  readonly path: string;
}

/** `error`, if it is the operating system's about a file here, as an AppError that names the file; else as it is. */
export function describeLocalFault(error: unknown, { verb, path }: LocalFileUse): unknown {
  const [, what] = error instanceof Error ? /^(.*?) \(os error \d+\)/s.exec(error.message) ?? [] : [];
  if (what === undefined || error instanceof AppError) return error;
  return new AppError(codeOf(error), `Cannot ${verb} ${JSON.stringify(path)} here: ${what}`, { cause: error });
}

function codeOf(error: unknown): ErrorCode {
  if (error instanceof Deno.errors.NotFound) return "not_found";
  return error instanceof Deno.errors.AlreadyExists ? "already_exists" : "usage";
}
