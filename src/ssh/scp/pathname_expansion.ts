import type { SftpFileSystem } from "../sftp/file_system.ts";
import { matchesPattern, parsePattern, type PatternItem } from "./pattern.ts";
import { type ShellChar, type ShellWord, wordText } from "./shell_words.ts";

/** Options of {@link expandWord}. */
export interface ExpandWordOptions {
  readonly fs: SftpFileSystem;
  /** Absolute: what relative patterns are looked for in. */
  readonly cwd: string;
}

/** So many names at most; a shell would fail with "argument list too long" somewhat later. */
const MAX_NAMES = 100_000;

/**
 * The paths that a shell makes of `word`: a leading `~` is the home folder, `*`, `?` and `[...]` are matched against
 * the files there, sorted; a pattern that matches nothing stays as it is (POSIX.1-2017, 2.6.1 and 2.6.6).
 */
export async function expandWord(word: ShellWord, options: ExpandWordOptions): Promise<string[]> {
  const expanded = await expandTilde(word, options.fs);
  if (!expanded.some(isWildcard)) return [wordText(expanded)];
  const found = await matchComponents(splitComponents(expanded), options);
  return found.length > 0 ? found : [wordText(expanded)];
}

/** `path` as the file system wants it. */
export function inFolder(cwd: string, path: string): string {
  if (path.startsWith("/")) return path;
  return cwd.endsWith("/") ? cwd + path : `${cwd}/${path}`;
}

function isWildcard({ char, isQuoted }: ShellChar): boolean {
  return !isQuoted && (char === "*" || char === "?" || char === "[");
}

async function expandTilde(word: ShellWord, fs: SftpFileSystem): Promise<ShellWord> {
  const slash = word.findIndex(({ char }) => char === "/");
  const prefix = slash < 0 ? word : word.slice(0, slash);
  if (prefix[0]?.char !== "~" || prefix.some(({ isQuoted }) => isQuoted)) return word;
  const home = await fs.homeFolder(wordText(prefix.slice(1)) || undefined);
  if (home === undefined) return word;
  return [...[...home].map((char) => ({ char, isQuoted: true })), ...word.slice(prefix.length)];
}

/** The components with the slashes before them, which stay as they were written. */
function splitComponents(word: ShellWord): { slashes: string; chars: ShellChar[] }[] {
  const components: { slashes: string; chars: ShellChar[] }[] = [{ slashes: "", chars: [] }];
  for (const each of word) {
    const last = components.at(-1);
    if (each.char !== "/") last?.chars.push(each);
    else if (last && last.chars.length === 0) last.slashes += "/";
    else components.push({ slashes: "/", chars: [] });
  }
  return components;
}

async function matchComponents(
  components: readonly { slashes: string; chars: readonly ShellChar[] }[],
  options: ExpandWordOptions,
): Promise<string[]> {
  let paths = [""];
  for (const { slashes, chars } of components) {
    const next: string[] = [];
    for (const path of paths) {
      const prefix = path + slashes;
      if (!chars.some(isWildcard)) next.push(prefix + wordText(chars));
      else next.push(...await matchesIn(prefix, parsePattern(chars), options));
      if (next.length > MAX_NAMES) break;
    }
    paths = next;
  }
  const exists = await Promise.all(
    paths.map((path) => options.fs.lstat(inFolder(options.cwd, path)).then(() => true, () => false)),
  );
  return paths.filter((_, at) => exists[at]).sort();
}

async function matchesIn(
  prefix: string,
  pattern: readonly PatternItem[],
  { fs, cwd }: ExpandWordOptions,
): Promise<string[]> {
  const matches: string[] = [];
  try {
    for await (const { name } of fs.readFolder(inFolder(cwd, prefix || "."))) {
      if (matchesPattern(pattern, name)) matches.push(prefix + name);
    }
  } catch {
    // No folder, or none that may be read: nothing matches in it, as for a shell.
  }
  return matches;
}
