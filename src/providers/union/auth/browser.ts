import type { Environment } from "../../../base/home.ts";

/**
 * Opens `url` in the user's browser; false when none could be started.
 *
 * `BROWSER` is honoured as other tools do: commands separated by `:` (`;` on Windows), `%s` for the URL, else it is
 * appended. No shell is involved. `BROWSER=none` opens nothing.
 */
export async function openBrowser(url: string, { env }: { readonly env: Environment }): Promise<boolean> {
  if (env.BROWSER === "none") return false;
  for (const command of browserCommands(url, env)) if (await start(command)) return true;
  return false;
}

/** The commands to try, in order. */
export function browserCommands(
  url: string,
  env: Environment,
  os: typeof Deno.build.os = Deno.build.os,
): readonly (readonly string[])[] {
  if (env.BROWSER) {
    const commands = env.BROWSER.split(os === "windows" ? ";" : ":").filter((command) => command.trim() !== "");
    return commands.map((command) => withUrl(command.trim().split(/\s+/), url));
  }
  if (os === "darwin") return [["open", url]];
  // Not `cmd /c start`: that is a shell, and `&` in a URL would end its command.
  if (os === "windows") return [["rundll32", "url.dll,FileProtocolHandler", url]];
  return env.DISPLAY || env.WAYLAND_DISPLAY || env.WSL_DISTRO_NAME ? [["xdg-open", url], ["wslview", url]] : [];
}

function withUrl(words: readonly string[], url: string): readonly string[] {
  const replaced = words.map((word) => word.replaceAll("%s", () => url));
  return words.some((word) => word.includes("%s")) ? replaced : [...words, url];
}

// A browser that is going to say that it cannot run does so at once; one that runs may never end.
const EARLY_MS = 1500;

async function start([program = "", ...args]: readonly string[]): Promise<boolean> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  } catch {
    return false; // Not installed: the next one is tried, and at last the URL is shown.
  }
  child.unref();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const early = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), EARLY_MS);
  });
  const status = await Promise.race([child.status, early]);
  clearTimeout(timer);
  return status === null || status.success;
}
