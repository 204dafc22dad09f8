import { AppError } from "../../base/errors.ts";

/** What every ssh reads as it stands: no quotes, no comment, none of the `=` that older versions split at. */
const PLAIN_WORD = /^[\w@%+:,./~-]+$/;
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;

/**
 * `value` as one argument of an ssh_config line: in double quotes if it needs them (ssh_config(5)).
 *
 * @throws AppError `config_invalid` for control characters, which no quoting brings into a line. `what` names the value.
 */
export function quoteConfigWord(value: string, what: string): string {
  assertOneLine(value, what);
  if (value === "") throw new AppError("config_invalid", `Cannot write the ${what} into ssh_config: it is empty`);
  if (PLAIN_WORD.test(value)) return value;
  // Backslashes are doubled only where ssh would take them for an escape: older versions know none at all.
  return `"${value.replace(/\\(?=["'\\]|$)/g, "\\\\").replaceAll('"', '\\"')}"`;
}

/** `value` where ssh expands `%h` and the like: percent signs doubled (ssh_config(5), TOKENS). */
export function escapePercent(value: string): string {
  return value.replaceAll("%", "%%");
}

/**
 * A path for a keyword that expands tokens and `${VARIABLES}`: percent signs doubled, forward slashes on Windows.
 *
 * @throws AppError `config_invalid` for `${`, which ssh cannot be kept from expanding.
 */
export function escapePath(path: string, { what, os = Deno.build.os }: { what: string; os?: string }): string {
  if (path.includes("${")) {
    throw new AppError(
      "config_invalid",
      `Cannot write the ${what} ${JSON.stringify(path)} into ssh_config: ssh would expand "\${" in it`,
    );
  }
  return escapePercent(os === "windows" ? path.replaceAll("\\", "/") : path);
}

/**
 * `argv` as the command of a ProxyCommand line, percent signs doubled. The program is always in quotes.
 *
 * ssh hands the rest of that line to the user's shell, on Windows by cmd's rules.
 * @throws AppError `config_invalid` for control characters, and on Windows for a quote.
 */
export function quoteCommand(argv: readonly string[], { os = Deno.build.os }: { os?: string } = {}): string {
  return argv.map((word, index) => {
    assertOneLine(word, "ProxyCommand");
    if (os === "windows") return escapePercent(quoteForWindows(word, index === 0));
    if (index === 0 && PLAIN_WORD.test(word)) return `"${escapePercent(word)}"`;
    return escapePercent(quoteForShell(word));
  }).join(" ");
}

/**
 * A word that POSIX shells and fish read as it is. ssh runs over the line with quoting rules of its own first, in which a
 * backslash escapes a single quote: so neither of the two stands next to the other (OpenSSH, argv_split).
 */
function quoteForShell(word: string): string {
  if (PLAIN_WORD.test(word)) return word;
  return `'${word.replace(/['\\]/g, (char) => char === "'" ? `'"'"'` : `'"\\\\"'`)}'`;
}

function quoteForWindows(word: string, isProgram: boolean): string {
  if (word.includes('"')) {
    throw new AppError("config_invalid", `Cannot write ${JSON.stringify(word)} into a ProxyCommand: it holds a quote`);
  }
  return isProgram || !PLAIN_WORD.test(word) ? `"${word}"` : word;
}

/** @throws AppError `config_invalid` when `value` holds a newline or another control character. */
export function assertOneLine(value: string, what: string): void {
  if (!CONTROL.test(value)) return;
  throw new AppError(
    "config_invalid",
    `Cannot write the ${what} ${JSON.stringify(value)} into ssh_config: it holds a control character`,
  );
}
