import { AppError } from "../base/errors.ts";
import type { EditorLaunch } from "./editors.ts";

/**
 * Starts the editor: by its own command where that is installed, else by the system's URL opener.
 *
 * Resolves to the program that took it. No shell is involved.
 * @throws AppError `not_found` when neither is there, with the URL to open by hand.
 */
export async function launchEditor({ url, command }: EditorLaunch): Promise<string> {
  for (const [program, ...args] of command ? [command, opener(url)] : [opener(url)]) {
    try {
      // A command of an editor on Windows is a batch file, which cannot be run without a shell.
      if (Deno.build.os === "windows" && program !== "rundll32") continue;
      const { code } = await new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" })
        .output();
      if (code === 0) return program;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new AppError("not_found", `Cannot start the editor: neither its command nor an opener for ${url} works here`, {
    hint: "Install the editor's command line tool, or run this with --print and open the URL yourself",
    details: { url },
  });
}

/** What opens a URL on this system; `start` of Windows would need a shell. */
function opener(url: string): [string, ...string[]] {
  if (Deno.build.os === "darwin") return ["open", url];
  if (Deno.build.os === "windows") return ["rundll32", "url.dll,FileProtocolHandler", url];
  return ["xdg-open", url];
}
