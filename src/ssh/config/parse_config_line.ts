import { AppError } from "../../base/errors.ts";

/** One line of ssh_config(5) that says something. */
export interface ConfigLine {
  /** In lower case. */
  readonly keyword: string;
  readonly args: readonly string[];
  /** What stood behind the keyword, untouched: what ProxyCommand takes. */
  readonly rest: string;
  /** `path:line`, for errors. */
  readonly place: string;
}

/** The line, or undefined for an empty one and a comment. @throws AppError `config_invalid` for a quote that is not closed. */
export function parseConfigLine(raw: string, place: string): ConfigLine | undefined {
  const line = raw.trim();
  if (line === "" || line.startsWith("#")) return undefined;
  const [, keyword = "", rest = ""] = /^([^\s="]+)(?:\s*=\s*|\s*)(.*)$/s.exec(line) ?? [];
  return { keyword: keyword.toLowerCase(), args: splitArguments(rest, place), rest, place };
}

/**
 * The words of a line, as OpenSSH splits them since 8.7: quotes of both kinds, a backslash before a quote, a backslash or
 * a space, and a `#` at the beginning of a word ends it all.
 *
 * @throws AppError `config_invalid` for a quote that is not closed.
 */
export function splitArguments(text: string, place: string): string[] {
  const words: string[] = [];
  for (let at = 0; at < text.length;) {
    const char = text[at];
    if (char === " " || char === "\t") at++;
    else if (char === "#") break;
    else {
      const { word, next } = readWord(text, { from: at, place });
      words.push(word);
      at = next;
    }
  }
  return words;
}

function readWord(text: string, { from, place }: { from: number; place: string }): { word: string; next: number } {
  let word = "";
  let quote = "";
  let at = from;
  for (; at < text.length; at++) {
    const char = text[at] ?? "";
    const following = text[at + 1] ?? "";
    if (char === "\\" && (/["'\\]/.test(following) || (quote === "" && following === " "))) word += text[++at];
    else if (quote === "" && (char === " " || char === "\t")) break;
    else if (quote === "" && (char === '"' || char === "'")) quote = char;
    else if (quote !== "" && char === quote) quote = "";
    else word += char;
  }
  if (quote) throw new AppError("config_invalid", `Cannot read ${place}: the quote ${quote} is not closed`);
  return { word, next: at };
}
