import { isAbsolute, join } from "node:path";
import { AppError, describeError } from "../../base/errors.ts";
import { type Environment, homeFolder } from "../../base/home.ts";
import { shellQuote } from "../../base/shell_quote.ts";
import { globFiles, includeBase } from "./glob_files.ts";
import { type ConfigLine, parseConfigLine } from "./parse_config_line.ts";

/** As OpenSSH has it (readconf.c, READCONF_MAX_DEPTH). */
const MAX_DEPTH = 16;
const WRITABLE_BY_OTHERS = 0o022;

/** A line, or the lines of the files that an Include line names. */
export type ConfigNode = ConfigLine | { readonly keyword: "include"; readonly included: readonly ConfigNode[][] };

/** Where to read ssh_config from. */
export interface LoadSshConfigOptions {
  /** In the order of their weight. `~/.ssh/config`, then `/etc/ssh/ssh_config`, unless told otherwise. */
  readonly files?: readonly string[] | undefined;
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The lines of all files, Includes followed, one list a file. Files that do not exist count as empty.
 *
 * @throws AppError `config_invalid` for a quote that is not closed, a file that cannot be read, and Includes more than 16
 * deep; `unsafe_file` when others can write to the user's own file, which ssh refuses too.
 */
export async function loadConfigNodes({ files, env, signal }: LoadSshConfigOptions): Promise<ConfigNode[][]> {
  const home = homeFolder(env);
  const own = join(home, ".ssh", "config");
  const loaded: ConfigNode[][] = [];
  for (const path of files ?? [own, "/etc/ssh/ssh_config"]) {
    signal?.throwIfAborted();
    loaded.push(
      await loadFile(path, { home, depth: 0, base: includeBase(path, home), mustBeSafe: path === own, signal }),
    );
  }
  return loaded;
}

interface Loading {
  readonly home: string;
  readonly base: string;
  readonly depth: number;
  readonly mustBeSafe: boolean;
  readonly signal: AbortSignal | undefined;
}

async function loadFile(path: string, loading: Loading): Promise<ConfigNode[]> {
  if (loading.depth > MAX_DEPTH) {
    throw new AppError(
      "config_invalid",
      `Cannot read ${JSON.stringify(path)}: more than ${MAX_DEPTH} Includes inside each other`,
    );
  }
  const nodes: ConfigNode[] = [];
  for (const [index, raw] of (await readText(path, loading.mustBeSafe)).split("\n").entries()) {
    const line = parseConfigLine(raw, `${JSON.stringify(path)} line ${index + 1}`);
    if (!line) continue;
    nodes.push(line.keyword === "include" ? await loadIncluded(line, loading) : line);
  }
  return nodes;
}

async function loadIncluded({ args }: ConfigLine, loading: Loading): Promise<ConfigNode> {
  const included: ConfigNode[][] = [];
  for (const arg of args) {
    loading.signal?.throwIfAborted();
    for (const path of await globFiles(absolute(arg, loading))) {
      included.push(await loadFile(path, { ...loading, depth: loading.depth + 1 }));
    }
  }
  return { keyword: "include", included };
}

function absolute(path: string, { home, base }: Loading): string {
  if (path === "~" || path.startsWith("~/")) return `${home}${path.slice(1)}`;
  return isAbsolute(path) ? path : `${base}/${path}`;
}

async function readText(path: string, mustBeSafe: boolean): Promise<string> {
  try {
    const { mode, isFile } = await Deno.stat(path);
    if (!isFile) return "";
    if (mustBeSafe && mode !== null && mode & WRITABLE_BY_OTHERS && Deno.build.os !== "windows") {
      throw unsafe(path, mode);
    }
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return "";
    if (error instanceof AppError) throw error;
    throw new AppError("config_invalid", `Cannot read ${JSON.stringify(path)}: ${describeError(error)}`, {
      cause: error,
    });
  }
}

function unsafe(path: string, mode: number): AppError {
  const found = (mode & 0o777).toString(8).padStart(4, "0");
  return new AppError(
    "unsafe_file",
    `The ssh configuration ${JSON.stringify(path)} must be writable by its owner alone: its mode is ${found}`,
    { hint: `chmod 600 ${shellQuote(path)}` },
  );
}
