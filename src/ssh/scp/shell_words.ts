/** One character of a word and whether quoting took its special meaning away. */
export interface ShellChar {
  readonly char: string;
  readonly isQuoted: boolean;
}

/** A word before pathname expansion. */
export type ShellWord = readonly ShellChar[];

/** Characters that mean more to a shell than the word they stand in (POSIX.1-2017, 2.2 and 2.10; `{}` for bash). */
const SPECIAL = new Set([..."|&;<>()$`\n{}"]);
const ESCAPABLE_IN_DOUBLE = new Set([...'$`"\\\n']);

/**
 * The words of a command line by the quoting rules of a POSIX shell (POSIX.1-2017, 2.2), or null when it is more than
 * words: pipes, expansions, redirections, comments, or a quote that is not closed.
 */
export function splitShellWords(commandLine: string): ShellWord[] | null {
  const words: ShellWord[] = [];
  let word: ShellChar[] | undefined;
  const input = [...commandLine];
  for (let at = 0; at < input.length; at++) {
    const char = input[at] ?? "";
    if (char === " " || char === "\t") {
      if (word) words.push(word);
      word = undefined;
      continue;
    }
    if (SPECIAL.has(char) || (char === "#" && !word)) return null;
    word ??= [];
    if (char === "\\") {
      const next = input[++at];
      // A backslash at the end, or one that joins lines: left to a real shell.
      if (next === undefined || next === "\n") return null;
      word.push({ char: next, isQuoted: true });
    } else if (char === "'" || char === '"') {
      const end = char === "'" ? singleQuoted(input, at, word) : doubleQuoted(input, at, word);
      if (end === null) return null;
      at = end;
    } else word.push({ char, isQuoted: false });
  }
  if (word) words.push(word);
  return words;
}

/** Adds what stands between the quote at `start` and the next one, whose place it returns. */
function singleQuoted(input: readonly string[], start: number, word: ShellChar[]): number | null {
  const end = input.indexOf("'", start + 1);
  if (end < 0) return null;
  for (const char of input.slice(start + 1, end)) word.push({ char, isQuoted: true });
  return end;
}

function doubleQuoted(input: readonly string[], start: number, word: ShellChar[]): number | null {
  for (let at = start + 1; at < input.length; at++) {
    const char = input[at] ?? "";
    if (char === '"') return at;
    if (char === "$" || char === "`") return null;
    const next = input[at + 1];
    if (char === "\\" && next !== undefined && ESCAPABLE_IN_DOUBLE.has(next)) {
      if (next === "\n") return null;
      word.push({ char: next, isQuoted: true });
      at++;
    } else word.push({ char, isQuoted: true });
  }
  return null;
}

/** The word as text, without its quotes. */
export function wordText(word: ShellWord): string {
  return word.map(({ char }) => char).join("");
}
