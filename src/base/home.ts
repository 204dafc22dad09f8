import { AppError } from "./errors.ts";

/** What of the environment the places below depend on. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The user's home folder. @throws AppError `config_invalid` when the environment names none. */
export function homeFolder(env: Environment): string {
  const home = env.HOME || env.USERPROFILE;
  if (home) return home;
  throw new AppError("config_invalid", "Cannot find the home folder: neither HOME nor USERPROFILE is set", {
    hint: "Set HOME; for porthole's own files, PORTHOLE_HOME is enough",
  });
}

/**
 * Where porthole keeps its own files: `PORTHOLE_HOME`, else `~/.porthole`. Absolute, since ssh_config will name it.
 *
 * Joined by hand: this is on the path of every `porthole proxy`, where loading `node:path` costs 7 ms.
 */
export function portholeHome(env: Environment): string {
  const folder = env.PORTHOLE_HOME || `${homeFolder(env)}/.porthole`;
  return /^(?:[a-z]:)?[\\/]/i.test(folder) ? folder : `${Deno.cwd()}/${folder}`;
}

/** `path` with a leading `~/` replaced, as a shell would have done. @throws AppError `config_invalid` as {@link homeFolder}. */
export function expandHome(path: string, env: Environment): string {
  return path.startsWith("~/") ? `${homeFolder(env)}/${path.slice(2)}` : path;
}
