import { resolve } from "node:path";
import { AppError } from "../base/errors.ts";

/**
 * The path from the root of the file that a flag names, since what is filed is read from any folder; undefined where the
 * flag is not given.
 *
 * @throws AppError `usage` when there is no such file.
 */
export async function namedFile(path: string | undefined, flag: string): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    await Deno.stat(path);
    // Links are not followed: what they lead to may be exchanged, as a token that is renewed.
    return resolve(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new AppError("usage", `Cannot use ${flag} ${JSON.stringify(path)}: there is no such file`, {
      hint: "Look at the path; it is taken from the folder that you are in",
      cause: error,
    });
  }
}
