import { join } from "node:path";
import { type Environment, portholeHome } from "../../base/home.ts";
import { ensurePrivateFolder } from "../../base/private_file.ts";
import { escapePath } from "./config_words.ts";

/** sun_path of macOS with its closing zero; Linux has four bytes more (unix(7)). */
const SOCKET_PATH_BYTES = 104;
/** `%C` is a SHA-1 in hex; while ssh makes the socket, 17 more characters stand behind it (OpenSSH, mux.c). */
const SOCKET_NAME_BYTES = 40 + 17;
const FOLDER = "cm";

/** Where ssh is to keep the sockets of shared connections. */
export interface ControlPath {
  /** The value of the ControlPath keyword, percent signs of the folder doubled, not quoted. */
  readonly value: string;
  readonly folder: string;
}

/**
 * The ControlPath for our hosts: `$PORTHOLE_HOME/cm/%C`, else in XDG_RUNTIME_DIR when that is too long for a socket.
 *
 * Undefined where no place is short enough, and on Windows, whose ssh shares no connections. Never in /tmp: a restart
 * empties it, and without its folder ssh does not connect at all.
 */
export function controlPath(env: Environment, { os = Deno.build.os }: { os?: string } = {}): ControlPath | undefined {
  if (os === "windows") return undefined;
  const candidates = [join(portholeHome(env), FOLDER), ...(env.XDG_RUNTIME_DIR ? [env.XDG_RUNTIME_DIR] : [])];
  const folder = candidates.find((path) => fits(path) && !path.includes("${"));
  if (folder === undefined) return undefined;
  return { value: `${escapePath(folder, { what: "control path", os })}/%C`, folder };
}

/** Makes the folder of {@link controlPath}, 0700, if it is not there: ssh does not. */
export async function ensureControlFolder(env: Environment): Promise<void> {
  const path = controlPath(env);
  if (path) await ensurePrivateFolder(path.folder);
}

function fits(folder: string): boolean {
  const bytes = new TextEncoder().encode(folder).length + 1 + SOCKET_NAME_BYTES + 1;
  return folder.startsWith("/") && bytes <= SOCKET_PATH_BYTES;
}
